"""The contract of a tool: what it takes, gives, does to the world and claims of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import JsonValue

from nightshift.ids import ChannelId
from nightshift.model.base import Noun, canonical_digest
from nightshift.model.effect import Claim
from nightshift.model.plan import ToolName
from nightshift.model.tool import EffectClass, ToolSpec

__all__ = ["ToolContract", "Undo"]

I = TypeVar("I", bound=Noun)  # noqa: E741  # input
O = TypeVar("O", bound=Noun)  # noqa: E741  # output


@dataclass(frozen=True, kw_only=True)
class Undo:
    """How an effect is taken back, in words that every vendor's adapter understands.

    Args:
        tool: what takes it back, over the same channel.
        back: the input of that tool, from what the effect was asked for and what it gave back; None where
            the effect changed nothing. Raises `Rejected` (`undo.unknown`) where nobody knows what to put
            back: a person has to see to it.
    """

    tool: ToolName
    back: Callable[[Any, Any], Noun | None]

    def __call__(self, args: Noun, output: Noun) -> tuple[ToolName, Noun] | None:
        """The tool and the input that take the effect back, or None where there is nothing to.

        Raises:
            Rejected: `undo.unknown`.
        """
        wanted = self.back(args, output)
        return None if wanted is None else (self.tool, wanted)


@dataclass(frozen=True, kw_only=True)
class ToolContract(Generic[I, O]):
    """What every adapter that binds this tool promises.

    Args:
        name: platform-neutral `domain.verb`.
        summary: one sentence for planners and people.
        input: what it takes; field docs become the catalog's.
        output: what it gives back; never a secret.
        effect: what it does to the world.
        permission: what the requester's role must hold, e.g. `payments:refund`.
        money: it moves money; its step needs a `limit`, and `input.amount` is the Money it moves.
        customer_visible: a customer sees it.
        irreversible: nothing undoes it.
        undo: what takes it back; required of a write that is not irreversible.
        sensitive: input fields that no customer text may reach unasked (money, recipient, URL, address).
        once_per: what a write takes hold of across runs and cases; required unless it is a READ.
        errors: the vendor-neutral codes its `Rejected` may carry.
        example: an input that validates, for the catalog and the conformance suite.
    """

    name: ToolName
    summary: str
    input: type[I]
    output: type[O]
    effect: EffectClass
    permission: str
    example: dict[str, JsonValue]
    money: bool = False
    customer_visible: bool = False
    irreversible: bool = False
    undo: Undo | None = None
    sensitive: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    once_per: Callable[[ChannelId, Any], Claim] | None = field(default=None)

    def __post_init__(self) -> None:
        if self.effect is not EffectClass.READ and self.once_per is None:
            message = f"{self.name} is a write and must say what it claims (once_per)"
            raise TypeError(message)
        can_be_undone = self.effect is not EffectClass.READ and not self.irreversible
        if can_be_undone == (self.undo is None):
            message = f"{self.name} needs an undo, or the mark irreversible, and never both"
            raise TypeError(message)

    def version(self) -> str:
        """A digest of the contract: it changes when input, output or effect class do."""
        return canonical_digest(
            {
                "name": self.name,
                "effect": self.effect,
                "input": self.input.model_json_schema(),
                "output": self.output.model_json_schema(),
            }
        )[:12]

    def spec(self, adapters: tuple[str, ...]) -> ToolSpec:
        """The contract as data, for the catalog."""
        return ToolSpec(
            name=self.name,
            summary=self.summary,
            effect=self.effect,
            permission=self.permission,
            money=self.money,
            customer_visible=self.customer_visible,
            irreversible=self.irreversible,
            sensitive=self.sensitive,
            version=self.version(),
            errors=self.errors,
            input_schema=self.input.model_json_schema(),
            output_schema=self.output.model_json_schema(),
            example=self.example,
            adapters=adapters,
        )
