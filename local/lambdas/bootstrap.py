"""Entry of a Lambda subprocess: AWS's runtime interface client, tied to the server's life.

Run by path with `-P -S`, so that the handler sees its own code, its layers and what the managed
runtime brings, and nothing else of this repository's virtual environment.
"""

import os
import sys
import threading


def _exit_with_the_server(fd: int) -> None:
    """The server holds the pipe's other end; whatever way it dies, this read returns."""
    os.read(fd, 1)
    os._exit(137)


def main() -> None:
    """Start the watch, then hand over to awslambdaric."""
    os.nice(int(os.environ.pop("LOCAL_LAMBDA_NICE")))
    watched = int(os.environ.pop("LOCAL_LAMBDA_WATCH_FD"))
    threading.Thread(target=_exit_with_the_server, args=(watched,), daemon=True).start()

    from awslambdaric import bootstrap  # noqa: PLC0415 - after the watch, so a slow import is covered
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient  # noqa: PLC0415

    host, _, prefix = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")

    class Client(LambdaRuntimeClient):  # type: ignore[misc]  # awslambdaric ships no types
        """The one shared Runtime API tells environments apart by a path prefix."""

        def call_rapid(self, http_method, endpoint, *rest, **options):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN202
            return super().call_rapid(http_method, f"/{prefix}{endpoint}", *rest, **options)

    bootstrap.run(sys.argv[1], Client(host))


if __name__ == "__main__":
    main()
