"""What each tenant may use of the farm."""

from contracts.message import Command, Event, message


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
