"""Which nodes have room, by what they can do: asked for every choice, so nothing here looks at all nodes."""

from collections.abc import Iterable, Iterator
from itertools import islice
from uuid import UUID

from consumers.render.farm.states import NodeState, Offer, Want

LOOK = 32  # nodes that are looked at for one that holds the template


class FreeNodes:
    """Nodes that give out slots, by class."""

    def __init__(self) -> None:
        self._nodes: dict[Offer, dict[UUID, NodeState]] = {}  # every node in service
        self._free: dict[Offer, dict[UUID, NodeState]] = {}  # those with a slot for any kind
        self._short: dict[UUID, NodeState] = {}  # those with room for short work
        self._slots: dict[Offer, int] = {}  # of the nodes in service
        self._matches: dict[Want, tuple[Offer, ...]] = {}

    def update(self, node: NodeState) -> None:
        """A node came, or its slots or its service changed."""
        offer, serving = _offer(node), node.service == "open"
        if offer not in self._nodes:
            self._nodes[offer], self._free[offer], self._slots[offer] = {}, {}, 0
            self._matches.clear()
        self._slots[offer] += node.slots * (int(serving) - int(node.node_id in self._nodes[offer]))
        _set(self._nodes[offer], node, serving)
        _set(self._free[offer], node, serving and node.free > 0)
        _set(self._short, node, serving and node.free_short > 0)

    def remove(self, node: NodeState) -> None:
        """A node is gone."""
        offer = _offer(node)
        if self._nodes.get(offer, {}).pop(node.node_id, None) is not None:
            self._slots[offer] -= node.slots
        for nodes in (self._free.get(offer, {}), self._short):
            nodes.pop(node.node_id, None)

    def offers(self, want: Want) -> tuple[Offer, ...]:
        """The classes that can draw such jobs."""
        found = self._matches.get(want)
        if found is None:
            found = self._matches[want] = tuple(offer for offer in self._nodes if offer.fits(want))
        return found

    def any_free(self, want: Want) -> bool:
        """Whether a node that can draw such jobs has a slot."""
        return any(self._free[offer] for offer in self.offers(want))

    def slots(self, want: Want) -> int:
        """Slots of the nodes in service that can draw such jobs; at least 1."""
        return sum(self._slots[offer] for offer in self.offers(want)) or 1

    def others(self, want: Want, avoided: Iterable[UUID]) -> bool:
        """Whether any node in service could draw such jobs beside the avoided ones."""
        offers = self.offers(want)
        count = sum(len(self._nodes[offer]) for offer in offers)
        return count > sum(1 for node_id in set(avoided) for offer in offers if node_id in self._nodes[offer])

    def candidates(self, want: Want, bundles: Iterable[str]) -> Iterator[NodeState]:
        """Free nodes for such a job, of a few looked at those first that hold its templates; the least lately chosen first."""
        wanted = frozenset(bundles)
        others = []
        for node in islice((node for offer in self.offers(want) for node in self._free[offer].values()), LOOK):
            if wanted <= node.bundles.keys():
                yield node  # mostly the first one, and then nobody asks for the rest
            else:
                others.append(node)
        yield from others

    def any_for_short(self) -> NodeState | None:
        """A node with room for short work."""
        return next(iter(self._short.values()), None)

    def any_for_long(self) -> NodeState | None:
        """A node with a slot, whatever it can draw."""
        return next((node for nodes in self._free.values() for node in nodes.values()), None)


def _offer(node: NodeState) -> Offer:
    assert node.offer is not None, "a node has its class from its making"
    return node.offer


def _set(nodes: dict[UUID, NodeState], node: NodeState, there: bool) -> None:
    nodes.pop(node.node_id, None)
    if there:
        nodes[node.node_id] = node  # at the end: who was chosen last comes last
