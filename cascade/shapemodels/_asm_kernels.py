"""Numba kernels of the active shape model: what the landmarks look like, searched around them."""

import numpy as np
from numba import njit

from ._pdm_kernels import fit, place, through
from ._plane_kernels import look

# How a landmark is found.
PATCH, PROFILE = 0, 1
# Tangents shorter than this many cells have no normal.
_TINY = 1e-6
# Matches less likely than the best by this logarithm do not count.
_UNLIKELY = np.float32(-30)
# A landmark whose matches weigh less than this in all has not been seen.
_NOTHING = 1e-15


@njit(nogil=True, cache=True)
def gather(plane, positions, side, out):
    """Write the patches of `side` cells around `positions` (n, 2), whole cells, to `out`
    (n, side * side * 8); beyond the plane its border is repeated."""
    height, width, n_directions = plane.shape
    reach = side // 2
    for p in range(positions.shape[0]):
        q = 0
        for i in range(side):
            row = min(max(positions[p, 1] + i - reach, 0), height - 1)
            for j in range(side):
                cell = plane[row, min(max(positions[p, 0] + j - reach, 0), width - 1)]
                for o in range(n_directions):
                    out[p, q] = cell[o]
                    q += 1


@njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "nsz"})
def _product(weights, numbers, first):
    total = np.float32(0)
    for q in range(weights.shape[0]):
        total += weights[q] * numbers[first + np.uint64(q)]
    return total


@njit(nogil=True, cache=True)
def match_patch(plane, x, y, filters, reach, across, down, scores):
    """Scores of all cells within `reach` of (x, y), whole cells, and where these are.

    Parameters
    ----------
    plane : (S, S, 8) float32
    x, y : int
    filters : (side, side * 8) float32
    reach : int
    across, down, scores : (>= (2 reach + 1)²,) float32
        Written.

    Returns
    -------
    n, width : int
        How many were written, row by row: cells whose patch lies within the plane; and how many of
        them make a row.
    """
    height, width, n_directions = plane.shape
    side = filters.shape[0]
    half = side // 2
    flat = plane.reshape(-1)
    n = 0
    for row in range(max(y - reach, half), min(y + reach, height - 1 - half) + 1):
        for column in range(max(x - reach, half), min(x + reach, width - 1 - half) + 1):
            total = np.float32(0)
            for i in range(side):
                first = ((row - half + i) * width + column - half) * n_directions
                total += _product(filters[i], flat, np.uint64(first))
            across[n], down[n], scores[n] = column, row, total
            n += 1
    return n, max(0, min(x + reach, width - 1 - half) + 1 - max(x - reach, half))


@njit(nogil=True, cache=True)
def normal_at(shape, before, after):
    """Unit normal of the line from landmark `before` to landmark `after`; (0, 0) where there is
    no line."""
    dx, dy = shape[after, 0] - shape[before, 0], shape[after, 1] - shape[before, 1]
    length = np.sqrt(dx * dx + dy * dy)
    if not length > _TINY:
        return 0.0, 0.0
    return -dy / length, dx / length


@njit(nogil=True, cache=True)
def read_profile(picture, x, y, nx, ny, out):
    """Write differences of grey along the normal (nx, ny) through (x, y), in cells, to `out` (m,):
    steps of a pixel of the picture, half a cell."""
    size = picture.shape[0]
    m = out.shape[0]
    last = np.float32(0)
    for i in range(m + 1):
        along = (i - m / 2) / 2
        u = min(max(2 * (x + along * nx) + 0.5, 0.0), size - 1.0)
        v = min(max(2 * (y + along * ny) + 0.5, 0.0), size - 1.0)
        column, row = min(int(u), size - 2), min(int(v), size - 2)
        fx, fy = np.float32(u - column), np.float32(v - row)
        p, q = np.float32(picture[row, column]), np.float32(picture[row, column + 1])
        r, s = np.float32(picture[row + 1, column]), np.float32(picture[row + 1, column + 1])
        above, below = p + fx * (q - p), r + fx * (s - r)
        grey = above + fy * (below - above)
        if i:
            out[i - 1] = grey - last
        last = grey


@njit(nogil=True, cache=True)
def normalise(profile):
    """Divide a profile by the sum of its absolute values."""
    total = np.float32(1)
    for i in range(profile.shape[0]):
        total += abs(profile[i])
    for i in range(profile.shape[0]):
        profile[i] /= total


@njit(nogil=True, cache=True)
def match_profile(picture, x, y, nx, ny, mean, precision, reach, across, down, scores):
    """Minus half the Mahalanobis distance of the profiles at each half cell along the normal, up
    to `reach` cells to either side; otherwise as `match_patch`."""
    m = mean.shape[0]
    long = np.empty(m + 4 * reach, np.float32)
    read_profile(picture, x, y, nx, ny, long)
    part = np.empty(m, np.float32)
    n = 4 * reach + 1
    for c in range(n):
        part[:] = long[c : c + m]
        normalise(part)
        for i in range(m):
            part[i] -= mean[i]
        total = np.float32(0)
        for i in range(m):
            row = np.float32(0)
            for j in range(m):
                row += precision[i, j] * part[j]
            total += part[i] * row
        along = (c - 2 * reach) / 2
        across[c], down[c] = np.float32(x + along * nx), np.float32(y + along * ny)
        scores[c] = np.float32(-0.5) * total
    return n


@njit(nogil=True, cache=True)
def _likelihood(logarithm):
    return np.exp(logarithm) if logarithm > _UNLIKELY else np.float32(0)


@njit(nogil=True, cache=True)
def expect_on_grid(likely, across, down, n, width, x, y, narrow, nearness):
    """Sum and moments, relative to (x, y), of matches that are likely and near.

    Parameters
    ----------
    likely, across, down : (>= n,) float32
        Likelihood of each match and where it is, row by row.
    n, width : int
        Matches, and how many make a row.
    x, y : float32
    narrow : float32
        A distance d counts ``exp(narrow d²)``.
    nearness : (>= width,) float32
        Room.

    Returns
    -------
    total, x, y, xx, yy, xy : float
        Sums of the weights, and of the weights times these.
    """
    for c in range(min(width, n)):
        dx = across[c] - x
        nearness[c] = _likelihood(narrow * dx * dx)
    total, sx, sy, sxx, syy, sxy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for first in range(0, n, max(width, 1)):
        dy = down[first] - y
        share = _likelihood(narrow * dy * dy)
        if share == 0:
            continue
        line, right, square = np.float32(0), np.float32(0), np.float32(0)
        for c in range(width):
            dx = across[c] - x
            weight = likely[first + c] * nearness[c]
            line += weight
            right += weight * dx
            square += weight * dx * dx
        total += share * line
        sx += share * right
        sxx += share * square
        sy += share * line * dy
        syy += share * line * dy * dy
        sxy += share * right * dy
    return total, sx, sy, sxx, syy, sxy


@njit(nogil=True, cache=True)
def expect_on_line(likely, across, down, n, x, y, narrow):
    """`expect_on_grid` of matches that lie anywhere."""
    total, sx, sy, sxx, syy, sxy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for c in range(n):
        dx, dy = across[c] - x, down[c] - y
        weight = likely[c] * _likelihood(narrow * (dx * dx + dy * dy))
        total += weight
        sx += weight * dx
        sy += weight * dy
        sxx += weight * dx * dx
        syy += weight * dy * dy
        sxy += weight * dx * dy
    return total, sx, sy, sxx, syy, sxy


@njit(nogil=True, cache=True)
def search(image, placement, scale, size, kinds, filters, neighbours, profiles, precisions,
           reach, sharpness, spreads, doubt, mean, components, mode_precisions, radius, pose,
           parameters):  # fmt: skip
    """One level of the pyramid: match all landmarks once, then let matches and model agree.

    In each step a landmark is expected where its matches are good and near; how far these lie
    apart says how sure that is, and the model takes the most likely shape behind all.

    Parameters
    ----------
    image, placement, scale, size
        As in `_plane_kernels.look`.
    kinds : (L,) int32
        PATCH or PROFILE.
    filters : (L, side, side * 8) float32
    neighbours : (L, 2) int32
        Landmarks that the outline passes through before and after each.
    profiles, precisions : (L, m), (L, m, m) float32
    reach : int
        Cells to either side that are searched.
    sharpness : float
        Weight of the scores.
    spreads : (T,) float64
        How far from the model's landmark a match may lie, standard deviation in cells, by step.
    doubt : float
        Variance of a match in square cells, besides that of its neighbourhood.
    mean, components, mode_precisions, radius
        Of the point distribution model; see `_pdm_kernels.fit`.
    pose, parameters
        Read and written.
    """
    picture, plane = look(image, placement, pose, scale, size)
    n_landmarks = mean.shape[0]
    n_places = (2 * reach + 1) ** 2
    across = np.empty((n_landmarks, n_places), np.float32)
    down = np.empty((n_landmarks, n_places), np.float32)
    scores = np.empty((n_landmarks, n_places), np.float32)
    counts, widths = np.zeros(n_landmarks, np.int64), np.ones(n_landmarks, np.int64)
    nearness = np.empty(2 * reach + 1, np.float32)
    normals = np.zeros((n_landmarks, 2))
    middle = (size - 1) / 2
    # In the plane the model lies upright at `scale` cells a unit.
    local = np.array([scale, 0.0, middle, middle])
    shape = np.empty((n_landmarks, 2))
    place(mean, components, local, parameters, shape)
    for k in range(n_landmarks):
        x, y = shape[k, 0], shape[k, 1]
        if not (-size < x < 2 * size and -size < y < 2 * size):
            continue
        if kinds[k] == PATCH:
            counts[k], widths[k] = match_patch(
                plane, int(np.rint(x)), int(np.rint(y)), filters[k], reach,
                across[k], down[k], scores[k],
            )  # fmt: skip
        else:
            nx, ny = normal_at(shape, neighbours[k, 0], neighbours[k, 1])
            normals[k] = nx, ny
            counts[k] = match_profile(picture, x, y, nx, ny, profiles[k], precisions[k], reach,
                                      across[k], down[k], scores[k])  # fmt: skip
        best = np.float32(-np.inf)
        for c in range(counts[k]):
            best = max(best, scores[k, c])
        for c in range(counts[k]):
            scores[k, c] = _likelihood(np.float32(sharpness) * (scores[k, c] - best))
    target = np.empty((n_landmarks, 2))
    weights = np.zeros((n_landmarks, 3))
    for t in range(spreads.shape[0]):
        narrow = np.float32(-0.5 / spreads[t] ** 2)
        for k in range(n_landmarks):
            weights[k] = 0
            x, y = np.float32(shape[k, 0]), np.float32(shape[k, 1])
            if kinds[k] == PATCH:
                total, sx, sy, sxx, syy, sxy = expect_on_grid(
                    scores[k], across[k], down[k], counts[k], widths[k], x, y, narrow, nearness
                )
            else:
                total, sx, sy, sxx, syy, sxy = expect_on_line(
                    scores[k], across[k], down[k], counts[k], x, y, narrow
                )
            if not total > _NOTHING:
                continue
            sx, sy = sx / total, sy / total
            vxx = sxx / total - sx * sx + doubt
            vyy = syy / total - sy * sy + doubt
            vxy = sxy / total - sx * sy
            target[k, 0], target[k, 1] = x + sx, y + sy
            if kinds[k] == PROFILE:
                # What slides along the outline has not been looked at.
                nx, ny = normals[k, 0], normals[k, 1]
                free = float(reach * reach)
                vxx += free * ny * ny
                vyy += free * nx * nx
                vxy -= free * nx * ny
            determinant = max(vxx * vyy - vxy * vxy, 1e-12)
            weights[k, 0], weights[k, 1] = vyy / determinant, vxx / determinant
            weights[k, 2] = -vxy / determinant
        fit(target, weights, mean, components, mode_precisions, radius, 1, local, parameters)
        place(mean, components, local, parameters, shape)
    through(local, middle, scale, pose)
