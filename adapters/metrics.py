"""Counters, gauges and histograms in Prometheus' text format; small, for one process, without locks."""

from bisect import bisect_left
from collections.abc import Callable

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Labels = tuple[str, ...]


def _labelled(name: str, names: Labels, values: Labels, extra: str = "") -> str:
    pairs = [f'{key}="{_escaped(value)}"' for key, value in zip(names, values, strict=True)]
    pairs += [extra] if extra else []
    return f"{name}{{{','.join(pairs)}}}" if pairs else name


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _upper(bound: str) -> str:
    return f'le="{bound}"'


class Counter:
    """Counts what only grows, for each combination of label values."""

    kind = "counter"

    def __init__(self, name: str, about: str, labels: Labels = ()) -> None:
        self.name, self.about, self._labels = name, about, labels
        self._values: dict[Labels, float] = {} if labels else {(): 0.0}

    def add(self, *labels: str, by: float = 1.0) -> None:
        """Count `by` more."""
        self._values[labels] = self._values.get(labels, 0.0) + by

    def lines(self) -> list[str]:
        """The samples as text."""
        return [f"{_labelled(self.name, self._labels, labels)} {value:g}" for labels, value in sorted(self._values.items())]


class Gauge:
    """A value that is read when it is asked for."""

    kind = "gauge"

    def __init__(self, name: str, about: str, read: Callable[[], float]) -> None:
        self.name, self.about, self._read = name, about, read

    def lines(self) -> list[str]:
        """The sample as text."""
        return [f"{self.name} {self._read():g}"]


class Gauges:
    """Values that whoever measures them puts here, for each combination of label values."""

    kind = "gauge"

    def __init__(self, name: str, about: str, labels: Labels) -> None:
        self.name, self.about, self._labels = name, about, labels
        self.values: dict[Labels, float] = {}

    def lines(self) -> list[str]:
        """The samples as text."""
        return [f"{_labelled(self.name, self._labels, labels)} {value:g}" for labels, value in sorted(self.values.items())]


class Histogram:
    """Counts durations in seconds by upper bounds, for each combination of label values."""

    kind = "histogram"

    def __init__(self, name: str, about: str, labels: Labels = (), bounds: tuple[float, ...] = SECONDS) -> None:
        self.name, self.about, self._labels, self._bounds = name, about, labels, bounds
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """Count one duration."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(self._bounds) + 1)
            self._sums[labels] = 0.0
        counts[bisect_left(self._bounds, seconds)] += 1
        self._sums[labels] += seconds

    def lines(self) -> list[str]:
        """The samples as text."""
        found: list[str] = []
        for labels, counts in sorted(self._counts.items()):
            total = 0
            for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
                total += count
                found.append(f"{_labelled(self.name + '_bucket', self._labels, labels, _upper(bound))} {total}")
            found.append(f"{_labelled(self.name + '_sum', self._labels, labels)} {self._sums[labels]:.6f}")
            found.append(f"{_labelled(self.name + '_count', self._labels, labels)} {total}")
        return found


class Registry:
    """The metrics of one process, in the order they were made."""

    def __init__(self) -> None:
        self._metrics: list[Counter | Gauge | Gauges | Histogram] = []

    def counter(self, name: str, about: str, labels: Labels = ()) -> Counter:
        """Make a counter; its name ends with `_total`."""
        metric = Counter(name, about, labels)
        self._metrics.append(metric)
        return metric

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> Gauge:
        """Make a gauge out of a function."""
        metric = Gauge(name, about, read)
        self._metrics.append(metric)
        return metric

    def gauges(self, name: str, about: str, labels: Labels) -> Gauges:
        """Make a gauge with labels, whose values are put into it."""
        metric = Gauges(name, about, labels)
        self._metrics.append(metric)
        return metric

    def histogram(self, name: str, about: str, labels: Labels = (), bounds: tuple[float, ...] = SECONDS) -> Histogram:
        """Make a histogram of seconds."""
        metric = Histogram(name, about, labels, bounds)
        self._metrics.append(metric)
        return metric

    def text(self) -> str:
        """Everything in Prometheus' text format 0.0.4."""
        lines: list[str] = []
        for metric in self._metrics:
            lines += [f"# HELP {metric.name} {metric.about}", f"# TYPE {metric.name} {metric.kind}", *metric.lines()]
        return "\n".join(lines) + "\n"
