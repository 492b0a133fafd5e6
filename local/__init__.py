"""A local AWS: ministack with two replaced parts, to which synthesised templates are deployed unchanged."""
