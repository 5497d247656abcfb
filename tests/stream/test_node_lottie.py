"""The whole way with the real engine: a template is inspected, its scene drawn with a value of ours, the segments joined."""

import asyncio
import io
import json

import av
import msgspec
import numpy as np
import pytest

from contracts.node import Manifest, RegisterNode, ReportExport, ReportInspection, ReportSegment, SceneTask, StoredSegment
from contracts.spec import ScanResult, SceneSpec
from node_worker.daemon import live
from node_worker.node import Node, Tuning
from tests.unit.node.farm_servers import FarmServers

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]
BOX = {"ty": "rc", "p": {"a": 0, "k": [0, 0]}, "s": {"a": 0, "k": [60, 60]}, "r": {"a": 0, "k": 0}}
MOVE = {"a": 1, "k": [{"t": 0, "s": [30, 45], "o": {"x": 0.5, "y": 0.5}, "i": {"x": 0.5, "y": 0.5}}, {"t": 20, "s": [130, 45]}]}
PLACE = {"ty": "tr", "p": MOVE, "a": {"a": 0, "k": [0, 0]}, "s": {"a": 0, "k": [100, 100]}, "r": {"a": 0, "k": 0}, "o": {"a": 0, "k": 100}}
FILL = {"ty": "fl", "c": {"a": 0, "k": [1, 0, 0, 1]}, "o": {"a": 0, "k": 100}, "r": 1}
ORIGIN, WHOLE = {"a": 0, "k": [0, 0]}, {"a": 0, "k": [100, 100]}
STILL = {"o": {"a": 0, "k": 100}, "r": {"a": 0, "k": 0}, "p": ORIGIN, "a": ORIGIN, "s": WHOLE}
LAYER = {"ty": 4, "nm": "box", "ind": 1, "ip": 0, "op": 20, "st": 0, "ks": STILL, "shapes": [{"ty": "gr", "it": [BOX, FILL, PLACE]}]}
TEMPLATE = json.dumps({"v": "5.7.0", "fr": 10, "ip": 0, "op": 20, "w": 160, "h": 90, "nm": "Box", "layers": [LAYER]}).encode()


async def test_a_lottie_file_becomes_a_video(tmp_path):
    farm = FarmServers(tmp_path)
    await farm.start()
    node = Node(farm.settings(), Tuning())
    life = asyncio.create_task(live(node))
    try:
        await farm.until(RegisterNode)
        scan = await inspect(farm)
        export = await video(farm, scan)
    finally:
        node.ask_to_stop()
        await life
        await farm.stop()
    assert (export.frames, export.duration) == (20, 2.0)
    with av.open(io.BytesIO(farm.store.objects["export"])) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 20
    red = [np.argwhere((frame[..., 0] > 200) & (frame[..., 1] < 60))[:, 1].mean() for frame in (frames[0], frames[10], frames[19])]
    assert abs(red[0] - 30) < 4 and abs(red[1] - 80) < 4 and red[2] > 120
    assert frames[0][5, 150].min() > 240


async def inspect(farm):
    farm.store.add(TEMPLATE)
    farm.store.objects["upload"] = TEMPLATE
    await farm.send(farm.part("inspect", Manifest(source_url=farm.store.url("upload"), put_url=farm.store.url("scan"), object_key="scan")))
    found = (await farm.until(ReportInspection))[0]
    assert (found.kind, found.code) == ("template", ""), found
    return msgspec.json.decode(farm.store.objects[found.scan_key], type=ScanResult).scenes[0]


async def video(farm, scene):
    work = farm.drawing("good", frames=20)
    bundle, url = farm.store.add(TEMPLATE)
    spec = SceneSpec(scene=scene.key, bundle=bundle, digest=scene.digest, frames=20, duration=2.0)
    task = SceneTask(spec=spec, frame_offset=0, segments=work.manifest.scenes[0].segments)
    manifest = Manifest(files={bundle: url}, width=160, height=90, rate_num=10, quality="standard", scenes=(task,))
    await farm.send(farm.part("render", manifest))
    drawn = sorted(await farm.until(ReportSegment, 2), key=lambda segment: segment.key)
    stored = tuple(StoredSegment(get_url=farm.store.url(one.object_key), sha256=one.sha256, frames=one.frames) for one in drawn)
    await farm.send(farm.part("assemble", Manifest(rate_num=10, put_url=farm.store.url("export"), object_key="export", segments=stored)))
    return (await farm.until(ReportExport))[0]
