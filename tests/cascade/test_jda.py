"""Joint cascade detection and alignment: its kernels against plain NumPy, and small trainings."""

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import cascade
from cascade.cli import app
from cascade.detection.jda import (
    _boost_kernels,
    _group_kernels,
    _search_kernels,
    _window_kernels,
)
from cascade.detection.jda.boosting import boost_weights, grow_tree
from cascade.detection.jda.faces import Jitter, mean_in_boxes, render
from cascade.detection.jda.front import Front
from cascade.detection.jda.mining import Negatives
from cascade.detection.jda.model import JDA
from cascade.detection.jda.search import boxes_of, plan_search
from cascade.detection.jda.stage_training import Limits, read_pool, run_on_crops
from cascade.detection.jda.stages import FAILED
from cascade.detection.jda.windows import Levels, from_level, grid_points, to_level
from cascade.loop import model_file
from data_tools.boxes import iou
from data_tools.detectors import get_detector
from data_tools.synthetic import synthetic_faces
from data_tools.synthetic.clutter import background
from data_tools.writers.folder import write_folder
from features.errors import InputError
from features.workers import Workers

# So lenient that a search finds what the verifier can learn from.
SMALL = {**JDA.PRESETS["small"], "roll": 6.0, "front_trees": 16, "n_trees": 8, "margin": 8.0}


@pytest.fixture(scope="module")
def faces():
    return synthetic_faces(60, seed=11, size=160)


@pytest.fixture(scope="module")
def backgrounds():
    rng = np.random.default_rng(4)
    # Clutter, and faces cut into quarters.
    cut = synthetic_faces(12, seed=98, size=160)
    return [np.rint(background(rng, 200)).astype(np.uint8) for _ in range(12)] + [
        np.roll(cut.image(i), (80, 80), (0, 1)) for i in range(12)
    ]


@pytest.fixture(scope="module")
def model(faces, backgrounds):
    return JDA(**SMALL, random_state=0).fit(faces, backgrounds)


def image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)


def random_trees(rng, n_trees, depth, n_points):
    nodes = np.zeros((n_trees, (1 << depth) - 1, 4), np.int16)
    nodes[..., :2] = rng.integers(0, n_points, nodes[..., :2].shape)
    threshold = rng.integers(-20, 20, nodes.shape[:2])
    nodes[..., 2], nodes[..., 3] = 64 - threshold, 64 + threshold
    leaves = rng.integers(-900, 1100, (n_trees, 1 << depth)).astype(np.int32)
    return nodes, leaves


def leaf_by_hand(pixels, nodes):
    """The leaf of a tree, a quotient at a time."""
    i = 0
    while i < len(nodes):
        first, second, w, v = (int(n) for n in nodes[i])
        i = 2 * i + 1 + (int(pixels[first]) * w >= int(pixels[second]) * v)
    return i - len(nodes)


# ----------------------------------------------------------------------------------------- levels


@pytest.mark.parametrize("shape", [(64, 90), (33, 47), (1, 5), (9, 1)])
def test_levels_are_means_of_blocks_with_their_border_repeated(shape):
    whole = image(*shape)
    levels = Levels([whole], largest=90.0)
    expected, pad = whole.astype(int), _window_kernels.PAD
    for start, stride, height, width in levels.tables[0]:
        assert expected.shape == (height, width)
        first = start - pad * (stride + 1)
        found = levels.pixels[first : first + stride * (height + 2 * pad)].reshape(-1, stride)
        assert np.array_equal(found, np.pad(expected, pad, "edge"))
        if min(expected.shape) == 1:
            break
        even = expected[: height // 2 * 2, : width // 2 * 2]
        expected = (even.reshape(height // 2, 2, width // 2, 2).sum((1, 3)) + 2) >> 2


def test_positions_of_a_level_are_those_of_its_blocks():
    # Pixel 3 of the second halving covers pixels 12 to 15.
    assert from_level(np.array([3.0, 0.0]), 2).tolist() == [13.5, 1.5]
    places = np.random.default_rng(0).random((5, 2)) * 100
    assert np.allclose(from_level(to_level(places, 3), 3), places)


# ------------------------------------------------------------------------------------------ trees


def test_scan_adds_the_trees_of_every_window():
    rng = np.random.default_rng(2)
    whole, grid = image(70, 60, 3), grid_points()
    nodes, leaves = random_trees(rng, 6, 3, len(grid))
    limits = np.full(6, -1500, np.int32)
    plan = plan_search(whole.shape, 22, 1.4, 0.2, angles=(0.0, 30.0))
    levels = Levels([whole])
    out = np.empty((100_000, 4), np.int32)
    n, searched, added = _search_kernels.scan(
        levels.pixels, levels.tables[0], plan, grid, nodes, leaves, limits, out
    )
    expected, windows, trees = [], 0, 0
    for row, (level, side, cos, sin, u, v, step, margin) in enumerate(plan):
        start, stride, height, width = levels.tables[0, int(level)]
        turned = np.float32(side * cos), np.float32(side * sin)
        x = np.floor(turned[0] * grid[:, 0] - turned[1] * grid[:, 1] + np.float32(0.5)).astype(int)
        y = np.floor(turned[1] * grid[:, 0] + turned[0] * grid[:, 1] + np.float32(0.5)).astype(int)
        left, top = margin * side + u * step, margin * side + v * step
        rows, columns = height - 1 - margin * side - top, width - 1 - margin * side - left
        for cy in top + step * np.arange(np.floor(rows / step) + 1):
            for cx in left + step * np.arange(np.floor(columns / step) + 1):
                windows += 1
                pixels = levels.pixels[start + (int(cy) + y) * stride + int(cx) + x]
                score = 0
                for t in range(6):
                    score += int(leaves[t, leaf_by_hand(pixels, nodes[t])])
                    if score < limits[t]:
                        break
                    trees += 1
                else:
                    expected.append((row, int(cx), int(cy), score))
    assert (searched, added) == (windows, trees)
    assert 10 < n < windows
    assert out[:n].tolist() == [list(each) for each in expected]


def test_more_windows_than_there_is_room_for_are_counted():
    grid, levels = grid_points(), Levels([image(60, 60)])
    plan = plan_search((60, 60), 22, 1.4, 0.2)
    none = Front.empty(2).arrays
    n, searched, _ = _search_kernels.scan(
        levels.pixels, levels.tables[0], plan, grid, *none, np.empty((5, 4), np.int32)
    )
    assert n == searched > 5


def test_bins_are_the_thresholds_that_a_pair_passes():
    table = _boost_kernels.bin_table()
    rng = np.random.default_rng(0)
    for a, b in [(0, 0), (255, 0), (0, 255), (7, 7), *rng.integers(0, 256, (300, 2)).tolist()]:
        passed = [a * (64 - t) >= b * (64 + t) for t in range(-32, 32)]
        # A pair that passes a threshold passes all below it; the lowest bin passes none above.
        highest = max([t for t, ok in zip(range(-32, 32), passed, strict=True) if ok], default=-32)
        assert table[256 * a + b] == highest + 32
        assert passed[1:] == [t <= highest for t in range(-31, 32)]


def test_best_splits_leave_the_least_variance_of_labels():
    rng = np.random.default_rng(5)
    patches = rng.integers(0, 256, (9, 200)).astype(np.uint8)
    weights, labels = rng.integers(1, 1000, 200), rng.integers(0, 2, 200).astype(np.uint8)
    pairs = np.array([(i, j) for i in range(9) for j in range(9) if i != j], np.int16)
    rows, ends = rng.permutation(200).astype(np.int32), np.array([0, 120, 200])
    best = np.full((2, 3), -1.0)
    wanted = np.array([True, True])
    _boost_kernels.best_splits(patches, rows, ends, wanted, weights, labels, pairs, 0, len(pairs),
                               _boost_kernels.bin_table(), 5000, best)  # fmt: skip
    sign = np.where(labels > 0, 1.0, -1.0)
    for node in range(2):
        part = rows[ends[node] : ends[node + 1]]
        w, y, errors = weights[part], sign[part], {}
        for first, second in pairs:
            a, b = patches[first][part].astype(int), patches[second][part].astype(int)
            for t in range(-31, 32):
                right = a * (64 - t) >= b * (64 + t)
                if min(w[right].sum(), w[~right].sum()) >= 5000:
                    errors[first, second, t] = sum(
                        (w[s] * (y[s] - np.average(y[s], weights=w[s])) ** 2).sum()
                        for s in (right, ~right)
                    )
        chosen = (*pairs[int(best[node, 1])], int(best[node, 2]))
        assert np.isclose(errors[chosen], min(errors.values()), rtol=1e-9)


def test_best_moves_leave_the_least_variance_of_residuals():
    rng = np.random.default_rng(6)
    patches = rng.integers(0, 256, (8, 150)).astype(np.uint8)
    moves, seen = rng.integers(-900, 900, (150, 2)), (rng.random(150) < 0.7).astype(np.uint8)
    pairs = np.array([(i, j) for i in range(8) for j in range(8) if i != j], np.int16)
    best = np.full((1, 3), -1.0)
    _boost_kernels.best_moves(patches, np.arange(150, dtype=np.int32), np.array([0, 150]),
                              np.array([True]), moves, seen, pairs, 0, len(pairs),
                              _boost_kernels.bin_table(), 0.1, best)  # fmt: skip
    known, errors = moves[seen > 0].astype(float), {}
    for first, second in pairs:
        a, b = (patches[p][seen > 0].astype(int) for p in (first, second))
        for t in range(-31, 32):
            right = a * (64 - t) >= b * (64 + t)
            if min(right.sum(), (~right).sum()) >= 0.1 * len(known):
                errors[first, second, t] = sum(
                    np.square(known[s] - known[s].mean(0)).sum() for s in (right, ~right)
                )
    chosen = (*pairs[int(best[0, 1])], int(best[0, 2]))
    assert np.isclose(errors[chosen], min(errors.values()), rtol=1e-9)


def test_a_tree_tells_what_differs_and_is_the_same_for_any_number_of_threads():
    rng = np.random.default_rng(7)
    patches = rng.integers(0, 256, (30, 600)).astype(np.uint8)
    labels = (rng.random(600) < 0.5).astype(np.uint8)
    patches[4, labels > 0], patches[9, labels > 0] = 200, 40
    weights = boost_weights(np.zeros(600, np.int64), labels)
    found = []
    for n_jobs in (1, 3):
        with Workers(n_jobs) as workers:
            found.append(grow_tree(patches, labels, weights, depth=3, n_pairs=400,
                                   rng=np.random.default_rng(0), workers=workers))  # fmt: skip
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
    front = Front.empty(3).with_tree(*found[0], -(2**30))
    scores, _ = front.scores(patches)
    assert scores[labels > 0].mean() > 0.6 * 4096 and scores[labels == 0].mean() < -0.6 * 4096


def test_limits_keep_two_windows_of_each_face_they_may_not_lose():
    rng = np.random.default_rng(8)
    limits, scores = Limits(40, 6), rng.integers(0, 1000, 240)
    limit = limits.set(scores, 0.1)
    second = np.sort(scores.reshape(40, 6), axis=1)[:, -2]
    assert (second < limit).sum() == 4
    # Windows that were lost stay lost, and the faces lost are counted once.
    limits.set(np.where(scores < limit, 10_000, scores), 0.1)
    assert (limits.alive.reshape(40, 6).sum(1) < 2).sum() == 4


# ---------------------------------------------------------------------------------------- samples


def test_rendered_faces_show_the_landmarks_where_they_are_told(faces):
    """What a face looks like at its landmarks is what it looks like there in the photograph."""
    mean = mean_in_boxes(faces)
    calm = Jitter(copies=2, shift=0, zoom=0, roll=0, coarse=0, noise=0, light=0, side=0, stretch=0)
    windows, index = render(faces, mean, 1.15, calm, np.random.default_rng(0))
    differences = []
    for k in range(40):
        photo, shape = faces.image(index[k]), faces.shapes[index[k]]
        if k % 2:
            photo = photo[:, ::-1]
            shape = (shape * (-1, 1) + (photo.shape[1] - 1, 0))[list(faces.scheme.flip)]
        cx, cy, side = windows.placements[k]
        there = windows.truth[k] * side + (cx, cy)
        inside = ((there > 2) & (there < 125)).all(1)
        x, y = np.rint(there[inside]).astype(int).T
        u, v = np.clip(np.rint(shape[inside]).astype(int).T, 0, 159)
        differences += list(windows.crops[k][y, x].astype(float) - photo[v, u])
    assert np.median(np.abs(differences)) < 12


def test_mined_windows_are_read_again_from_five_numbers(model, faces, backgrounds):
    negatives = Negatives(backgrounds, faces, faces.boxes, 1.15, 3)
    found = negatives.mine(model.front_.arrays, None, 200, 10**9)
    again = negatives.again(found.origin)
    for name in ("patches", "crops", "placements", "origin"):
        assert np.array_equal(getattr(found, name), getattr(again, name))
    assert model.front_.scores(found.patches)[1].all()


def test_stages_do_what_their_parts_do(model, faces):
    """The fused kernel against pools, leaves, the linear map and moves, one after another."""
    mean = model.mean_shape_
    reference = (mean - mean.mean(0)).astype(np.float32)
    windows, _ = render(faces, mean, model.context, Jitter(copies=2), np.random.default_rng(1))
    scores = model.front_.scores(windows.patches)[0]
    shapes = np.repeat(mean[None], len(windows), 0)
    found, moved = scores.copy(), shapes.copy()
    passed = run_on_crops(model.stages_, windows, moved, found, reference)
    alive = np.ones(len(windows), bool)
    for stage in model.stages_:
        pool = read_pool(windows, shapes, reference, stage.anchors, stage.offsets)
        leaves = np.array(
            [[leaf_by_hand(pool[:, i], tree) for tree in stage.nodes] for i in range(len(windows))]
        )
        for k in range(len(stage.nodes)):
            scores += stage.leaves[k][leaves[:, k]]
            alive &= scores >= stage.limits[k]
        delta = stage.linear.predict(leaves.astype(np.uint8)).reshape(len(shapes), -1, 2)
        for i, shape in enumerate(shapes):
            a, b = (reference * shape).sum(), (reference[:, 0] * shape[:, 1]).sum()
            b -= (reference[:, 1] * shape[:, 0]).sum()
            a, b = np.array([a, b]) / (reference**2).sum()
            shape += delta[i] @ np.array([[a, b], [-b, a]])
    assert np.array_equal(passed, alive) and 0 < alive.sum()
    assert np.array_equal(found[alive], scores[alive]) and (found[~alive] == FAILED).all()
    assert np.abs(moved[alive] - shapes[alive]).max() < 1e-4


# ----------------------------------------------------------------------------------------- models


def recall(model, faces, **options):
    found = 0
    for i in range(len(faces)):
        seen = model.detect(faces.image(i), min_size=50, **options)
        found += bool(len(seen)) and iou(seen.boxes[:1], faces.boxes[i])[0, 0] > 0.5
    return found / len(faces)


def test_it_finds_drawn_faces_it_never_saw(model):
    assert recall(model, synthetic_faces(30, seed=77, size=160)) >= 0.5


def test_landmarks_come_with_the_faces_and_from_boxes(model):
    faces = synthetic_faces(20, seed=78, size=160)
    start = np.abs(model.align(faces.image(0), faces.boxes[0]).initial[0] - faces.shapes[0]).mean()
    errors = [np.abs(model.predict(faces.image(i), faces.boxes[i]) - faces.shapes[i]).mean()
              for i in range(20)]  # fmt: skip
    assert np.mean(errors) < start
    found = model.detect(faces.image(0), min_size=50)
    assert found.shapes.shape[1:] == (68, 2) and (np.diff(found.scores) <= 0).all()
    staged = model.align(faces.image(0), faces.boxes[:2], staged=True)
    assert np.allclose(staged.staged[-1], staged.shapes, atol=1e-3)


def test_turned_copies_find_turned_faces(model):
    faces = synthetic_faces(20, seed=79, size=160)
    upright = turned = 0
    for i in range(20):
        whole = np.ascontiguousarray(np.rot90(faces.image(i)))  # counter-clockwise
        x0, y0, x1, y1 = faces.boxes[i]
        box = [y0, 159 - x1, y1, 159 - x0]
        for angle in (0.0, -90.0):
            found = model.detect(whole, min_size=50, rotation=angle)
            hit = bool(len(found)) and iou(found.boxes[:1], box)[0, 0] > 0.5
            upright += hit and angle == 0
            turned += hit and angle == -90
    assert turned >= 8 and turned > 2 * upright


def test_training_is_the_same_for_any_number_of_threads_and_after_a_break(
    model, faces, backgrounds, tmp_path
):
    class Break(Exception):
        pass

    class Progress(cascade.loop.progress.Silent):
        def stage_begins(self, stage, n_stages):
            if stage == n_stages - 1:
                raise Break

    part = tmp_path / "model.part"
    with pytest.raises(Break):
        JDA(**SMALL, random_state=0, n_jobs=2).fit(
            faces, backgrounds, checkpoint=part, progress=Progress()
        )
    other = JDA(**SMALL, random_state=0, n_jobs=3)
    other.fit(faces, backgrounds, checkpoint=part, resume=True)
    # The verifier's regression is made by BLAS.
    for ours, theirs in zip(model.stages_, other.stages_, strict=True):
        for name in ("anchors", "nodes", "leaves", "limits"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    assert np.array_equal(model.front_.nodes, other.front_.nodes)
    with pytest.raises(InputError, match="another parameters"):
        JDA(**{**SMALL, "n_trees": 5}, random_state=0).fit(
            faces, backgrounds, checkpoint=part, resume=True
        )


def test_a_file_holds_the_whole_model(model, faces, tmp_path):
    path = tmp_path / "jda.safetensors"
    model.save(path)
    again = cascade.load(path)
    assert path.read_bytes() == (model.save(path), path.read_bytes())[1]
    for i in range(3):
        ours, theirs = (m.detect(faces.image(i), min_size=40) for m in (model, again))
        for name in ("boxes", "scores", "shapes"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    detector = get_detector(f"jda:{path}")
    boxes, scores = detector.search(faces.image(0))
    assert boxes.dtype == np.float32 and len(boxes) == len(scores)


def _points(header, arrays):
    arrays["front.nodes"][0, 0, 0] = 24 * 24


def _negative(header, arrays):
    arrays["stages.0.nodes"][1, 2, 1] = -1


def _anchor(header, arrays):
    arrays["stages.0.anchors"][3] = 68


def _leaves(header, arrays):
    arrays["stages.0.leaves"] = arrays["stages.0.leaves"][:, :-1]


def _weights(header, arrays):
    arrays["verifier.weights"] = arrays["verifier.weights"][:-1]


def _infinite(header, arrays):
    arrays["mean"][0, 0] = np.inf


def _context(header, arrays):
    header["parameters"]["context"] = 50.0


def _many(header, arrays):
    header["stages"] = 10**9


@pytest.mark.parametrize(
    "damage", [_points, _negative, _anchor, _leaves, _weights, _infinite, _context, _many]
)
def test_files_whose_numbers_do_not_fit_are_refused(damage, model, tmp_path):
    header, arrays = model.state()
    header = {**header, "parameters": dict(header["parameters"])}
    arrays = {name: array.copy() for name, array in arrays.items()}
    damage(header, arrays)
    path = tmp_path / "bad.safetensors"
    model_file.write(path, header, arrays)
    with pytest.raises(InputError, match="damaged"):
        cascade.load(path)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (7, 9), (30, 30), (300, 24)])
def test_tiny_images_do_no_harm(model, shape):
    for size in (8.0, 20.0, 500.0):
        found = model.detect(image(*shape), min_size=size, rotation=[0, 45])
        assert np.isfinite(found.shapes).all() and (found.boxes[:, 2] > found.boxes[:, 0]).all()
        assert len(found) <= (0 if size > max(shape) else 20)


def test_empty_images_hold_no_face(model):
    for grey in (0, 128, 255):
        assert len(model.detect(np.full((240, 320), grey, np.uint8))) == 0


def test_a_large_photograph(model, faces):
    whole = np.full((3000, 4000), 120, np.uint8)
    whole[800:2080, 1500:2780] = cv2.resize(faces.image(0), (1280, 1280))
    box = faces.boxes[0] * 8 + np.array([1500, 800] * 2)
    found = model.detect(whole, min_size=400)
    assert len(found) and iou(found.boxes[:1], box)[0, 0] > 0.5


@pytest.mark.parametrize(
    "options", [{"min_size": 2}, {"factor": 1.0}, {"step": 0.0}, {"rotation": [np.nan]}]
)
def test_arguments_out_of_range_are_refused(model, options):
    with pytest.raises(InputError):
        model.detect(image(50, 50), **options)


def test_overlap_of_squares_is_that_of_boxes():
    rng = np.random.default_rng(9)
    squares = np.column_stack([rng.random((60, 2)) * 40, 5 + 30 * rng.random(60)])
    boxes = boxes_of(squares)
    order = np.arange(60)
    keep, expected = np.empty(60, bool), []
    _group_kernels.thin(squares, order, 0.5, 2, keep)
    for i in order:
        near = sum(iou(boxes[i], boxes[k])[0, 0] > 0.5 for k in expected)
        expected += [i] if near < 2 else []
    assert np.flatnonzero(keep).tolist() == expected
    labels = np.empty(60, np.int64)
    n = _group_kernels.group(squares, order, 0.4, 0.2, labels)
    firsts = [int(np.flatnonzero(labels == g)[0]) for g in range(n)]
    assert firsts == sorted(firsts)
    for i in order:
        near = [g for g in range(n) if iou(boxes[i], boxes[firsts[g]])[0, 0] > 0.4]
        if labels[i] >= 0 and i not in firsts:
            assert labels[i] == near[0]
    assert (iou(boxes[firsts], boxes[firsts]) - np.eye(n)).max() <= 0.2


# --------------------------------------------------------------------------------- command line


@pytest.fixture(scope="module")
def folders(faces, backgrounds, tmp_path_factory):
    """A folder of annotated faces and one of photographs without."""
    root = tmp_path_factory.mktemp("sets")
    (root / "none").mkdir()
    write_folder(root / "faces", faces.subset(slice(20)))
    for k, image in enumerate(backgrounds):
        cv2.imwrite(str(root / "none" / f"{k}.png"), image)
    return root


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_trains_tells_and_finds(folders, tmp_path):
    out = tmp_path / "mine.safetensors"
    few = ("n_others=300", "work=1000000", "n_stages=1", "n_pairs=20", "margin=4.0")
    few = [part for each in few for part in ("--set", each)]
    empty = ("--backgrounds", folders / "none")
    done = run("train", "jda", folders / "faces", *empty, "-o", out, "--preset", "small", *few)
    assert done.exit_code == 0, done.output
    assert not list(tmp_path.glob("*.part"))
    told = run("info", out).output
    assert "trees on pixels of a fixed window" in told and "linear classifier on HOG" in told
    image = next(path for path in (folders / "faces").iterdir() if path.suffix == ".png")
    done = run("predict", "ert68", image, "--detector", f"jda:{out}")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("jda",), "needs a folder of photographs without faces"),
        (("jda", "--backgrounds", "none", "--validation", "0.1"), "watches faces of its own"),
        (("ert", "--backgrounds", "none"), "learns from faces alone"),
        (("jda", "--backgrounds", "faces/nothing"), "no photograph here"),
    ],
)
def test_the_command_says_what_it_lacks(arguments, told, folders, tmp_path, monkeypatch):
    monkeypatch.chdir(folders)
    done = run("train", *arguments, "faces", "-o", tmp_path / "m.safetensors")
    assert done.exit_code in (1, 2) and told in " ".join(done.output.split())


def test_a_detector_of_another_method_is_refused():
    with pytest.raises(InputError, match="finds no faces"):
        get_detector("jda:ert68")
