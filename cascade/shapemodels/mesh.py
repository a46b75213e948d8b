"""A shape as a mesh of triangles, and the piecewise-affine warp from one shape to another."""

from dataclasses import dataclass

import numpy as np

from features.errors import InputError

from . import _mesh_kernels as kernels


@dataclass(frozen=True)
class Mesh:
    """Cells of a reference shape, each in a triangle of its landmarks.

    Attributes
    ----------
    reference : ndarray of shape (L, 2), float64
        The landmarks, in cells.
    triangles : ndarray of shape (T, 3), int32
        Their landmarks.
    cells : ndarray of shape (n, 2), int32
        Column and row of each cell.
    inside : ndarray of shape (n,), int32
        Triangle that each cell moves with: the one that holds it, or for cells around the mesh the
        nearest.
    weights : ndarray of shape (n, 3), float64
        Barycentric coordinates of each cell in its triangle.
    """

    reference: np.ndarray
    triangles: np.ndarray
    cells: np.ndarray
    inside: np.ndarray
    weights: np.ndarray

    @classmethod
    def over(cls, reference, size, margin=0.0):
        """The Delaunay mesh of a shape.

        Parameters
        ----------
        reference : ndarray of shape (L, 2)
            In cells.
        size : int
            Cells are those of a plane of `size` x `size`.
        margin : float
            Cells up to this distance outside the mesh are included; they move with the nearest
            triangle.

        Returns
        -------
        Mesh

        Raises
        ------
        InputError
            If the landmarks lie on one line.
        """
        from scipy.spatial import Delaunay, QhullError

        reference = np.asarray(reference, np.float64)
        try:
            triangles = Delaunay(reference).simplices.astype(np.int32)
        except QhullError as error:
            raise InputError(
                "the landmarks lie on one line, so they form no mesh; check the annotations"
            ) from error
        area = np.abs(kernels.doubled_areas(reference, triangles))
        triangles = triangles[area > 1e-3]
        where = np.full((size, size), -1, np.int32)
        kernels.assign(reference, triangles, float(margin), where)
        rows, columns = np.nonzero(where >= 0)
        cells = np.stack([columns, rows], -1).astype(np.int32)
        return cls.of(reference, triangles, cells, where[rows, columns])

    @classmethod
    def of(cls, reference, triangles, cells, inside):
        """A mesh with given cells."""
        reference = np.asarray(reference, np.float64)
        weights = np.empty((len(cells), 3))
        kernels.weigh(reference, triangles, cells, inside, weights)
        return cls(reference, triangles, cells, inside, weights)

    def points(self, shape):
        """Positions (n, 2) float64 of the cells, warped from the reference to `shape` (L, 2)."""
        out = np.empty((len(self.cells), 2))
        kernels.warp(np.asarray(shape, np.float64), self.triangles, self.inside, self.weights, out)
        return out

    def slopes(self, moves):
        """Derivatives of the cells' positions.

        Parameters
        ----------
        moves : ndarray of shape (p, L, 2)
            Derivatives of the landmarks with respect to each of p parameters.

        Returns
        -------
        ndarray of shape (2, p, n), float32
            Derivatives of x, then of y.
        """
        moved = np.stack([self.points(move) for move in moves])
        return np.ascontiguousarray(np.moveaxis(moved, -1, 0), np.float32)

    def neighbours(self):
        """Indices (4, n) int32 of the cells left, right, above and below each.

        A cell without such a neighbour has its own index there.
        """
        size = int(self.cells.max()) + 3
        index = np.full((size, size), -1, np.int32)
        x, y = self.cells.T + 1
        index[y, x] = np.arange(len(self.cells))
        found = np.stack([index[y, x - 1], index[y, x + 1], index[y - 1, x], index[y + 1, x]])
        return np.where(found < 0, np.arange(len(self.cells), dtype=np.int32), found)
