"""From drawn frames to a finished video: segments, their verification, and the join with sound."""
