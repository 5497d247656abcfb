"""Which nodes have room, by what they can do: asked for every choice, so nothing here looks at all nodes."""

from collections.abc import Iterable, Iterator
from itertools import islice
from uuid import UUID

from consumers.render.scheduling.farm.states import NodeState, Offer, Want

LOOK = 32  # nodes that are looked at for one that holds the template


_Nodes = dict[int, NodeState]  # by the number that the node's id is: a UUID is slow to look up


class _Class:
    """The nodes that can do the same."""

    def __init__(self) -> None:
        self.nodes: _Nodes = {}  # in service
        self.free: _Nodes = {}  # those with a slot for any kind
        self.slots = 0  # of the nodes in service


class FreeNodes:
    """Nodes that give out slots, by class."""

    def __init__(self) -> None:
        self._classes: dict[Offer, _Class] = {}
        self._short: _Nodes = {}  # those with room for short work
        self._matches: dict[Want, tuple[_Class, ...]] = {}

    def update(self, node: NodeState) -> None:
        """A node came, or its slots or its service changed."""
        offer, key, serving = _offer(node), node.node_id.int, node.service == "open"
        group = self._classes.get(offer)
        if group is None:
            group = self._classes[offer] = _Class()
            self._matches.clear()
        if serving != (key in group.nodes):
            group.slots += node.slots if serving else -node.slots
            _set(group.nodes, key, node, serving)
        _set(group.free, key, node, serving and node.free > 0)
        _set(self._short, key, node, serving and node.free_short > 0)

    def remove(self, node: NodeState) -> None:
        """A node is gone."""
        key, group = node.node_id.int, self._classes.get(_offer(node))
        self._short.pop(key, None)
        if group is not None:
            group.free.pop(key, None)
            if group.nodes.pop(key, None) is not None:
                group.slots -= node.slots

    def _offers(self, want: Want) -> tuple[_Class, ...]:
        """The classes that can draw such jobs."""
        found = self._matches.get(want)
        if found is None:
            found = self._matches[want] = tuple(group for offer, group in self._classes.items() if offer.fits(want))
        return found

    def any_free(self, want: Want) -> bool:
        """Whether a node that can draw such jobs has a slot."""
        return any(group.free for group in self._offers(want))

    def slots(self, want: Want) -> int:
        """Slots of the nodes in service that can draw such jobs; at least 1."""
        return sum(group.slots for group in self._offers(want)) or 1

    def others(self, want: Want, avoided: Iterable[UUID]) -> bool:
        """Whether any node in service could draw such jobs beside the avoided ones."""
        groups = self._offers(want)
        count = sum(len(group.nodes) for group in groups)
        return count > sum(1 for node_id in set(avoided) for group in groups if node_id.int in group.nodes)

    def candidates(self, want: Want, bundles: Iterable[str]) -> Iterator[NodeState]:
        """Free nodes for such a job, of a few looked at those first that hold its templates; the least lately chosen first."""
        wanted = frozenset(bundles)
        others = []
        for node in islice((node for group in self._offers(want) for node in group.free.values()), LOOK):
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
        return next((node for group in self._classes.values() for node in group.free.values()), None)


def _offer(node: NodeState) -> Offer:
    assert node.offer is not None, "a node has its class from its making"
    return node.offer


def _set(nodes: _Nodes, key: int, node: NodeState, there: bool) -> None:
    nodes.pop(key, None)
    if there:
        nodes[key] = node  # at the end: who was chosen last comes last
