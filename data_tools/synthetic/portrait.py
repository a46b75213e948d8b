"""The portrait: a lit head with its features, hair and shoulders, painted on a canvas."""

import numpy as np

from features.opencv import cv2

from .drawing import circle, draw_mesh, ellipse, lens, spline
from .functions import bell, clipped_normal, noise, smoothstep


class Portrait:
    """A head at its place in the image, with its tones."""

    def __init__(self, rng, head, landmarks, centre, unit):
        self.rng, self.head = rng, head
        self.centre, self.unit = centre, unit
        self.skin = rng.uniform(75, 215)
        self.hair = np.clip(rng.choice([rng.uniform(8, 90), rng.uniform(60, 210)]), 8, 235)
        self.cloth = rng.uniform(15, 235)
        light = np.array([rng.normal(0, 0.55), rng.uniform(-0.9, 0.15), 1.0])
        self.light = light / np.linalg.norm(light)
        self.ambient = rng.uniform(0.3, 0.75)
        self.beard = rng.uniform(0.25, 0.75) * (rng.random() < 0.22)
        self.brow_taper = rng.uniform([0.5, 0.7, 0.5, 0.1], [1.0, 1.1, 0.9, 0.4])
        self.brow_strength = rng.uniform(0.6, 1.0)
        self.iris, self.iris_size = rng.uniform(15, 110), rng.uniform(0.9, 1.12)
        self.gaze = clipped_normal(rng, [0.18, 0.12], [0.4, 0.25])
        self.lash = rng.uniform(0.008, 0.02)
        self.lips = rng.uniform(0.55, 0.9)
        self.teeth = rng.random() < (0.9 if head.smile > 0.2 else 0.45)
        self.points = self.project(landmarks)

    def project(self, points):
        """Turned points of the head, (..., 3), in the image, (..., 2)."""
        return self.centre + self.unit * points[..., :2]

    def spot(self, x, y, z):
        """Points of the head's frame in the image."""
        return self.project(np.stack(np.broadcast_arrays(x, y, z), -1) @ self.head.rotation.T)

    def paint(self, canvas):
        """Paint everything, from the back to the front."""
        self._back(canvas)
        self._face(canvas)
        self._nose(canvas)
        for eye in (self.points[36:42], self.points[42:48][[3, 2, 1, 0, 5, 4]]):
            self._eye(canvas, eye)
        for brow in (self.points[17:22][::-1], self.points[22:27]):
            self._brow(canvas, brow)
        self._mouth(canvas)

    def _back(self, canvas):
        """Hair, neck, shoulders and ears: what lies behind the face."""
        rng, unit = self.rng, self.unit
        volume = rng.uniform(1.0, 1.16)
        a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 16), np.linspace(-1.4, 1.4, 9))
        skull = self.spot(
            0.53 * volume * np.cos(b) * np.cos(a),
            -0.42 + 0.56 * volume * np.sin(b),
            -0.52 + 0.56 * np.cos(b) * np.sin(a),
        )
        skull = cv2.convexHull(skull.reshape(-1, 2).astype(np.float32))[:, 0]
        strands = noise(rng, canvas.pixels.shape, rng.integers(3, 60, 2)) * rng.uniform(8, 30)
        locks = np.clip(self.hair + strands, 0, 255)
        if rng.random() < 0.4:  # long hair
            low, y = rng.uniform(0.2, 1.1), np.array([-0.35, 0.1])
            x = np.array([-0.5, -0.58, -0.5, 0.5, 0.58, 0.5]) * volume
            long = self.spot(x, np.concatenate([y, [low, low], y[::-1]]), -0.6)
            canvas.blend(spline(long, closed=True), locks)

        throat = self.spot(0, 0.25, -0.45)
        right, down = np.array([[unit, 0], [0, unit]])
        collar = throat + 0.7 * down - 0.25 * np.sin(self.head.roll) * right
        slim = rng.uniform(0.27, 0.38)
        neck = self.skin * (self.ambient + (1 - self.ambient) * 0.7) * rng.uniform(0.6, 0.95)
        sides = [
            np.stack([throat + k * slim * right, collar + k * (slim + 0.02) * right,
                      collar + k * (slim + 0.25) * right + 0.3 * down])
            for k in (-1, 1)
        ]  # fmt: skip
        canvas.blend(np.concatenate([sides[0], sides[1][::-1]]), neck)
        for side, k in zip(sides, (-1, 1), strict=True):
            shade = neck * (0.75 + 0.3 * k * self.light[0])
            canvas.blend(side, shade, 0.7, 0.05 * unit, 0.08 * unit)
        chin = self.points[2:15] + 0.1 * down
        canvas.blend(chin, 0.55 * neck, 0.8, 0.04 * unit)  # the shadow of the chin
        cut, slope = rng.uniform(-0.1, 0.3), rng.uniform(0.1, 0.45)
        half = np.array([[0.0, cut], [slim + 0.02, -0.12], [0.9, slope - 0.1], [1.3, 0.8]])
        coat = np.concatenate([half[::-1] * [-1, 1], half[1:]]) * unit + collar
        canvas.blend(np.concatenate([coat, coat[[-1, 0]] + 3 * down]), self.cloth)
        canvas.blend(spline(skull, closed=True, steps=2), locks, blur=0.006 * unit)
        if rng.random() < 0.75:  # ears that no hair covers
            cos, sin = np.concatenate(circle(14), 1).T
            for side in (-1, 1):
                lit = 0.85 + 0.25 * side * self.light[0]
                for size, tone in ((1.0, lit), (0.6, 0.75 * lit)):
                    z = -0.56 + 0.085 * size * cos - 0.02 * sin
                    ear = self.spot(side * (0.25 - 0.5 * z), -0.17 + 0.15 * size * sin, z)
                    canvas.blend(ear, self.skin * tone, blur=0.004 * unit)

    def _face(self, canvas):
        points, x, y = self.head.mesh()
        normal = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
        normal[-1] = normal[-2]  # the last row is one point, the chin
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
        diffuse = np.maximum(normal @ self.light, 0)
        between = (self.light + np.array([0, 0, 1])) / 2  # light and viewer
        gloss = np.maximum(normal @ between, 0) ** 20
        tone = self.skin * (self.ambient + (1.12 - self.ambient) * diffuse)
        tone *= 1 + 0.03 * cv2.resize(
            self.rng.standard_normal((10, 10), np.float32), tone.shape[::-1]
        )
        tone += self.rng.uniform(0, 25) * gloss
        if self.beard:
            chin = smoothstep((y - 0.02) / 0.12 + (np.abs(x) - 0.25) / 0.3)
            lip = bell(y - 0.17, 0.05) * bell(x, 0.17)
            weight = self.beard * np.clip(chin - lip, 0, 1)
            tone += weight * (self.hair * 0.8 - tone)
        xy = self.project(points)
        low = np.maximum(np.floor(xy.min((0, 1))).astype(int), 0)
        high = np.minimum(np.ceil(xy.max((0, 1))).astype(int) + 1, canvas.pixels.shape[::-1])
        # Twice the resolution gives the mesh an anti-aliased outline.
        fine = np.zeros(2 * (high - low)[::-1], np.float32)
        nearest = np.full_like(fine, -np.inf)
        xy = 2 * (xy - low) + 0.5
        draw_mesh(fine, nearest, *(v.astype(np.float32) for v in (xy, points[..., 2], tone)))
        share = (nearest > -np.inf).astype(np.float32)
        fine, share = (
            cv2.resize(v, tuple(map(int, high - low)), interpolation=cv2.INTER_AREA)
            for v in (fine, share)
        )
        fine = np.minimum(fine / np.maximum(share, 0.1), 255)
        canvas.mix(np.s_[low[1] : high[1], low[0] : high[0]], fine, share)
        jaw = spline(self.points[1:16])
        dark = 0.6 * canvas.sample(self.points[3:14])
        canvas.blend(jaw, dark, 0.35, 0.008 * self.unit, 0.012 * self.unit)

    def _nose(self, canvas):
        """Nostrils, wings and the shadow under the tip; the ridge comes from the mesh."""
        unit, base = self.unit, self.points[31:36]
        skin = canvas.sample(self.points[30:31])
        up = (self.points[30] - self.points[33]) * 0.5
        canvas.blend(spline(base), 0.45 * skin, 0.55, 0.008 * unit, 0.02 * unit)
        for wing, inner in ((base[0], base[1]), (base[4], base[3])):
            out = wing - base[2]
            side = np.stack([wing + 0.15 * out, wing + 0.25 * out + 0.6 * up, wing + 1.1 * up])
            canvas.blend(spline(side), 0.5 * skin, 0.45, 0.007 * unit, 0.012 * unit)
            hole = ellipse(inner + 0.12 * up, 0.26 * out, 0.16 * up)
            canvas.blend(hole, 0.2 * skin, 0.9, 0.004 * unit)

    def _brow(self, canvas, points):
        """`points` from the nose outward."""
        unit = self.unit
        skin = canvas.sample(points)
        dark = min(0.75 * skin, 0.35 * skin + 0.4 * self.hair)
        up = self.spot(0, -0.03, 0) - self.spot(0, 0, 0)
        taper = np.interp(np.linspace(0, 1, 25), [0, 0.3, 0.7, 1], self.brow_taper)[:, None]
        curve = spline(points)
        brow = np.concatenate([curve + taper * up, (curve - taper * up)[::-1]])
        canvas.blend(brow, dark, self.brow_strength, 0.006 * unit)

    def _eye(self, canvas, points):
        """`points` from the outer corner over the upper lid."""
        unit = self.unit
        corner, other = points[0], points[3]
        upper, lower = points[:4], points[[3, 4, 5, 0]]
        skin = canvas.sample(points)
        outline = lens(upper, lower)
        middle = points[[1, 2, 4, 5]].mean(0)
        across = (other - corner) / 2
        down = self.spot(0, 0.01, 0) - self.spot(0, 0, 0)
        crease = points[:4] + down * np.array([[0.5], [-3.2], [-3.2], [0.5]])
        canvas.blend(spline(crease), 0.6 * skin, 0.5, 0.006 * unit, 0.01 * unit)
        bag = points[[0, 5, 4, 3]] + down * np.array([[0.5], [3.5], [3.5], [0.5]])
        canvas.blend(spline(bag), 0.7 * skin, 0.3, 0.01 * unit, 0.012 * unit)

        layer = canvas.like(0.75 * skin + 70)
        radius = 0.055 * self.iris_size
        look = middle + self.gaze[0] * across + 100 * radius * self.gaze[1] * down
        wide = radius * unit * np.cos(self.head.yaw) * across / np.hypot(*across)
        tall = 100 * radius * down
        layer.fill(ellipse(look, wide, tall), self.iris)
        layer.fill(ellipse(look, 0.45 * wide, 0.45 * tall), 12)
        glint = look + 0.35 * (wide * np.sign(self.light[0]) - tall)
        layer.fill(ellipse(glint, 0.2 * wide, 0.2 * tall), 240)
        layer.stroke(spline(upper) + 0.6 * down, 0.4 * skin, 0.012 * unit)  # shadow of the lid
        canvas.blend(outline, layer.pixels, 1, 0.002 * unit)
        canvas.blend(spline(upper), 0.22 * skin, 0.9, 0.003 * unit, self.lash * unit)
        canvas.blend(spline(lower), 0.45 * skin, 0.7, 0.003 * unit, 0.007 * unit)

    def _mouth(self, canvas):
        unit, p = self.unit, self.points
        skin = canvas.sample(p[[33, 50, 52, 6, 10]])
        inner = lens(p[60:65], p[[64, 65, 66, 67, 60]])
        outer = lens(p[48:55], p[[54, 55, 56, 57, 58, 59, 48]])
        canvas.blend(outer, self.lips * skin, 0.9, 0.005 * unit)
        middle = np.concatenate([p[48:49], p[60:65], p[54:55]])
        upper = np.concatenate([spline(p[48:55]), spline(middle)[::-1]])
        canvas.blend(upper, 0.8 * self.lips * skin, 0.7, 0.004 * unit)
        shine = 0.5 * p[[67, 66, 65]] + 0.5 * p[[58, 57, 56]]
        canvas.blend(spline(shine), 1.15 * skin, 0.35, 0.008 * unit, 0.012 * unit)
        below = 1.35 * p[[58, 57, 56]] - 0.35 * p[[67, 66, 65]]
        canvas.blend(spline(below), 0.6 * skin, 0.4, 0.012 * unit, 0.02 * unit)
        layer = canvas.like(0.18 * skin)
        if self.teeth:
            gap = p[66] - p[62]
            bite = p[60:65] + min(1.0, 0.055 * unit / (np.hypot(*gap) + 1e-6)) * gap
            teeth = np.concatenate([p[60:65], bite[::-1]])
            layer.blend(teeth, 0.65 * skin + 85, 1, 0.004 * unit)
        canvas.blend(inner, layer.pixels, 1, 0.002 * unit)
        canvas.blend(spline(middle), 0.25 * skin, 0.75, 0.003 * unit, 0.008 * unit)
        fold = 0.25 + 0.35 * max(0.0, self.head.smile)
        for wing, corner in ((31, 48), (35, 54)):
            out = 0.35 * (p[corner] - p[51])
            line = np.stack([p[wing] + 0.3 * out, 0.5 * (p[wing] + p[corner]) + 0.9 * out,
                             p[corner] + 0.8 * out])  # fmt: skip
            canvas.blend(spline(line), 0.6 * skin, fold, 0.01 * unit, 0.01 * unit)
