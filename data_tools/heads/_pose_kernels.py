"""The pose of a rigid head in landmarks, by weak perspective, for numba."""

import numpy as np

from features.jit import njit

FEWEST = 4  # landmarks that hold a pose
FARTHEST = 1e6  # beyond, a landmark counts as missing
_STEP = 0.6  # radians that one step may turn a head


@njit(nogil=True, cache=True)
def _moments(shape, weights, points, point, place, spread, shared):
    """The weighted means and second moments that the squared error depends on."""
    total = 0.0
    point[:], place[:], spread[:], shared[:] = 0, 0, 0, 0
    for k in range(len(points)):
        w = weights[k]
        total += w
        for i in range(3):
            point[i] += w * points[k, i]
            for j in range(i, 3):
                spread[i, j] += w * points[k, i] * points[k, j]
        for c in range(2):
            place[c] += w * shape[k, c]
            for i in range(3):
                shared[c, i] += w * shape[k, c] * points[k, i]
    scale = 1 / max(total, 1e-12)
    point *= scale
    place *= scale
    for i in range(3):
        for j in range(i, 3):
            spread[i, j] = spread[j, i] = scale * spread[i, j] - point[i] * point[j]
        for c in range(2):
            shared[c, i] = scale * shared[c, i] - place[c] * point[i]


@njit(nogil=True, cache=True)
def _cross(rotation):
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        rotation[2, i] = rotation[0, j] * rotation[1, k] - rotation[0, k] * rotation[1, j]


@njit(nogil=True, cache=True)
def _nearest(spread, shared, rotation):
    """The rotation nearest to the affine map of least squares."""
    s = spread.copy()
    ridge = 1e-3 * (s[0, 0] + s[1, 1] + s[2, 2]) + 1e-30  # flat heads have no depth
    for i in range(3):
        s[i, i] += ridge
    inverse = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            a, b, c, d = (j + 1) % 3, (j + 2) % 3, (i + 1) % 3, (i + 2) % 3
            inverse[i, j] = s[a, c] * s[b, d] - s[a, d] * s[b, c]
    inverse /= s[0, 0] * inverse[0, 0] + s[0, 1] * inverse[1, 0] + s[0, 2] * inverse[2, 0]
    # Loops in place of a product: that of numba ends the program where scipy is not installed.
    rows = np.zeros((2, 3))
    for i in range(2):
        for j in range(3):
            for k in range(3):
                rows[i, j] += shared[i, k] * inverse[k, j]
    # Their polar factor: (A A')^(-1/2) A, of a matrix of two rows in closed form.
    a, b, d = (rows[0] ** 2).sum(), (rows[0] * rows[1]).sum(), (rows[1] ** 2).sum()
    root = np.sqrt(max(a * d - b * b, 1e-30))
    length = np.sqrt(a + d + 2 * root)
    scale = 1 / max(root * length, 1e-30)
    rotation[0] = scale * ((d + root) * rows[0] - b * rows[1])
    rotation[1] = scale * ((a + root) * rows[1] - b * rows[0])
    _cross(rotation)


@njit(nogil=True, cache=True)
def _scaled(spread, shared, rotation, turned):
    """The best scale for a rotation, and its rows times `spread` in `turned`."""
    size, fit = 0.0, 0.0
    for c in range(2):
        for i in range(3):
            turned[c, i] = 0.0
            for j in range(3):
                turned[c, i] += rotation[c, j] * spread[j, i]
            size += turned[c, i] * rotation[c, i]
            fit += shared[c, i] * rotation[c, i]
    return fit / max(size, 1e-30)


@njit(nogil=True, cache=True)
def _refine(spread, shared, rotation, n_steps):
    """Gauss-Newton steps on rotation and scale; the best scale at the end."""
    turned = np.empty((2, 3))
    slopes, bent = np.empty((4, 2, 3)), np.empty((4, 2, 3))
    system = np.empty((4, 5))
    for _ in range(n_steps):
        scale = _scaled(spread, shared, rotation, turned)
        # How the two rows change with turns about x, y and z, and with the scale.
        for i in range(3):
            x, y, z = rotation[0, i], rotation[1, i], rotation[2, i]
            slopes[0, 0, i], slopes[0, 1, i] = 0.0, -scale * z
            slopes[1, 0, i], slopes[1, 1, i] = scale * z, 0.0
            slopes[2, 0, i], slopes[2, 1, i] = -scale * y, scale * x
            slopes[3, 0, i], slopes[3, 1, i] = x, y
        for k in range(4):
            for c in range(2):
                for i in range(3):
                    bent[k, c, i] = 0.0
                    for j in range(3):
                        bent[k, c, i] += slopes[k, c, j] * spread[j, i]
        trace = 0.0
        for k in range(4):
            for m in range(5):
                total = 0.0
                for c in range(2):
                    for i in range(3):
                        if m < 4:
                            total += bent[k, c, i] * slopes[m, c, i]
                        else:
                            total += slopes[k, c, i] * (shared[c, i] - scale * turned[c, i])
                system[k, m] = total
            trace += system[k, k]
        for k in range(4):
            system[k, k] += 1e-9 * trace + 1e-30
        _solve(system)
        x, y, z = system[0, 4], system[1, 4], system[2, 4]
        length = np.sqrt(x * x + y * y + z * z)
        if length < 1e-15:
            break
        _turn(rotation, x / length, y / length, z / length, min(length, _STEP))
    return _scaled(spread, shared, rotation, turned)


@njit(nogil=True, cache=True)
def _solve(system):
    """Solve a positive definite system whose last column is its right side, into that."""
    n = len(system)
    for k in range(n):
        for row in range(k + 1, n):
            share = system[row, k] / system[k, k]
            for column in range(k, n + 1):
                system[row, column] -= share * system[k, column]
    for k in range(n - 1, -1, -1):
        for column in range(k + 1, n):
            system[k, n] -= system[k, column] * system[column, n]
        system[k, n] /= system[k, k]


@njit(nogil=True, cache=True)
def _turn(rotation, x, y, z, angle):
    """Turn a rotation further, about an axis of length 1 (Rodrigues)."""
    cos, sin = np.cos(angle), np.sin(angle)
    for i in range(3):
        a, b, c = rotation[0, i], rotation[1, i], rotation[2, i]
        along = (x * a + y * b + z * c) * (1 - cos)
        rotation[0, i] = cos * a + sin * (y * c - z * b) + along * x
        rotation[1, i] = cos * b + sin * (z * a - x * c) + along * y
        rotation[2, i] = cos * c + sin * (x * b - y * a) + along * z


@njit(nogil=True, cache=True)
def share_at(yaw, side, begin, end):
    """Share of its weight that a landmark keeps as a head turns by `yaw` degrees.

    `side` is -1 and 1 for the outline on the left and on the right of the image, else 0.
    """
    return 1 - min(max((-side * yaw - begin) / (end - begin), 0.0), 1.0)


@njit(nogil=True, cache=True)
def _centred(shape, weights, local, used):
    """A face about its middle, 0 where a landmark is missing; whether a pose can be found."""
    x, y, total, n = 0.0, 0.0, 0.0, 0
    for k in range(len(shape)):
        # False for NaN as well.
        known = abs(shape[k, 0]) <= FARTHEST and abs(shape[k, 1]) <= FARTHEST and weights[k] > 0
        used[k] = weights[k] if known else 0.0
        if known:
            n += 1
            total += weights[k]
            x += weights[k] * shape[k, 0]
            y += weights[k] * shape[k, 1]
    x, y = x / max(total, 1e-300), y / max(total, 1e-300)
    size = 0.0
    for k in range(len(shape)):
        local[k] = 0
        if used[k] > 0:
            local[k, 0], local[k, 1] = shape[k, 0] - x, shape[k, 1] - y
            size += used[k] * (local[k, 0] ** 2 + local[k, 1] ** 2)
    size = np.sqrt(size / max(total, 1e-300))
    return x, y, n >= FEWEST and size > 1e-9 * max(abs(x), abs(y))


@njit(nogil=True, cache=True)
def place(shapes, weights, points, sides, first, begin, end, rounds):
    """Where a rigid head is in faces.

    Parameters
    ----------
    shapes : ndarray of shape (n, L, 2), float64
        NaN where a landmark is missing.
    weights : ndarray of shape (L,), float64
    points : ndarray of shape (L, 3), float64
    sides : ndarray of shape (L,), int64
        As for `share_at`.
    first : float
        Share of its weight that the outline has in the first round.
    begin, end : float
        Degrees of yaw between which the far outline loses its weight.
    rounds : int
        How often that is decided.

    Returns
    -------
    rotation : ndarray of shape (n, 3, 3)
    scale : ndarray of shape (n,)
    shift : ndarray of shape (n, 2)
        NaN, all three, where a pose cannot be found.
    """
    n = len(shapes)
    rotations, scales, shifts = np.empty((n, 3, 3)), np.empty(n), np.empty((n, 2))
    point, at = np.empty(3), np.empty(2)
    spread, shared = np.empty((3, 3)), np.empty((2, 3))
    local = np.empty((len(points), 2))
    base, used = np.empty(len(points)), np.empty(len(points))
    for f in range(n):
        rotation = rotations[f]
        x, y, found = _centred(shapes[f], weights, local, base)
        if not found:
            rotation[:], scales[f], shifts[f] = np.nan, np.nan, np.nan
            continue
        for k in range(len(points)):
            used[k] = base[k] * (first if sides[k] != 0 else 1.0)
        _moments(local, used, points, point, at, spread, shared)
        _nearest(spread, shared, rotation)
        scale = _refine(spread, shared, rotation, 4)
        for _ in range(rounds):
            yaw = -np.degrees(np.arcsin(min(max(rotation[0, 2], -1.0), 1.0)))
            for k in range(len(points)):
                used[k] = base[k] * share_at(yaw, sides[k], begin, end)
            _moments(local, used, points, point, at, spread, shared)
            scale = _refine(spread, shared, rotation, 3)
        scales[f] = scale
        for c in range(2):
            along = 0.0
            for i in range(3):
                along += rotation[c, i] * point[i]
            shifts[f, c] = at[c] - scale * along + (x if c == 0 else y)
    return rotations, scales, shifts
