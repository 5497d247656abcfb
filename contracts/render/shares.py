"""What each tenant may use of the farm."""

from typing import Annotated

from msgspec import Meta

from contracts.entity import Entity, Row
from contracts.message import Command, Event, message


class Share(Row, frozen=True, kw_only=True):
    """A tenant's share of the farm."""

    render_weight: Annotated[int, Meta(ge=1, le=100)]
    max_slots: Annotated[int, Meta(gt=0)]


SHARES = Entity("render.tenant_shares", Share, key=(), about="the weight and the limit of slots of each tenant", newest=False)


@message("render.share.learn")
class LearnShare(Command, frozen=True, kw_only=True):
    """A tenant's share of the farm, as identity recorded it; under that tenant. Sent by earlier releases only."""

    render_weight: int
    max_slots: int


@message("render.share.learned")
class ShareLearned(Event, frozen=True, kw_only=True):
    """The render domain's copy of a tenant's share; under that tenant. Of earlier releases only."""

    render_weight: int
    max_slots: int
