"""Graphs of ONNX operators, written as arithmetic.

A `Tensor` is the name of a value in a `Graph`; its operators add nodes. Both operands have one
dtype, and a number or array beside a tensor takes the tensor's.
"""

from contextlib import contextmanager

import numpy as np


class Tensor:
    """A value of a graph: its name and its dtype."""

    # An array on the left leaves the operation to the tensor.
    __array_ufunc__ = None

    def __init__(self, graph, name, dtype):
        self.graph = graph
        self.name = name
        self.dtype = np.dtype(dtype)

    def _binary(self, op, other, dtype=None, swap=False):
        pair = self, self.graph.like(self, other)
        return self.graph.node(op, *(pair[::-1] if swap else pair), dtype=dtype)

    def __add__(self, other):
        return self._binary("Add", other)

    def __sub__(self, other):
        return self._binary("Sub", other)

    def __mul__(self, other):
        return self._binary("Mul", other)

    def __truediv__(self, other):
        return self._binary("Div", other)

    def __radd__(self, other):
        return self._binary("Add", other, swap=True)

    def __rsub__(self, other):
        return self._binary("Sub", other, swap=True)

    def __rmul__(self, other):
        return self._binary("Mul", other, swap=True)

    def __rtruediv__(self, other):
        return self._binary("Div", other, swap=True)

    def __lt__(self, other):
        return self._binary("Less", other, bool)

    def __le__(self, other):
        return self._binary("LessOrEqual", other, bool)

    def __gt__(self, other):
        return self._binary("Greater", other, bool)

    def __ge__(self, other):
        return self._binary("GreaterOrEqual", other, bool)

    def equals(self, other):
        """Where the two are equal."""
        return self._binary("Equal", other, bool)

    def __and__(self, other):
        return self._binary("And", other)

    def __neg__(self):
        return self.graph.node("Neg", self)

    def max(self, other):
        """The greater of two, element by element."""
        return self._binary("Max", other)

    def min(self, other):
        """The smaller of two, element by element."""
        return self._binary("Min", other)

    def floor(self):
        """Greatest whole number below."""
        return self.graph.node("Floor", self)

    def round(self):
        """Nearest whole number, halves to the even one."""
        return self.graph.node("Round", self)

    def sqrt(self):
        """Square root."""
        return self.graph.node("Sqrt", self)

    def cast(self, dtype):
        """The same values in another dtype; towards zero where it is an integer."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype:
            return self
        return self.graph.node("Cast", self, dtype=dtype, to=self.graph.kind(dtype))

    def where(self, yes, no):
        """`yes` where this holds, `no` elsewhere; at least one of the two is a tensor."""
        like = yes if isinstance(yes, Tensor) else no
        yes, no = self.graph.like(like, yes), self.graph.like(like, no)
        return self.graph.node("Where", self, yes, no, dtype=like.dtype)

    def take(self, index, axis=0):
        """Slices at `index`, a tensor, an array, or a number, which drops the axis."""
        index = index if isinstance(index, Tensor) else self.graph.const(np.asarray(index))
        if index.dtype.kind == "u":
            index = index.cast(np.int32)
        return self.graph.node("Gather", self, index, dtype=self.dtype, axis=axis)

    def pick(self, index):
        """Elements (1, k) at `index` (1, k) of a row (1, n).

        Several times faster in onnxruntime than to `take` single numbers.
        """
        return self.graph.node("GatherElements", self, index, dtype=self.dtype, axis=1)

    def between(self, start, stop, axis):
        """The slice [start, stop) of one axis."""
        ends = [self.graph.ints(end) for end in (start, stop, axis)]
        return self.graph.node("Slice", self, *ends, dtype=self.dtype)

    def reshape(self, *shape):
        """Another shape of as many elements; 0 keeps a dimension, -1 takes what is left."""
        return self.graph.node("Reshape", self, self.graph.ints(*shape), dtype=self.dtype)

    def transpose(self, *axes):
        """The axes in another order."""
        return self.graph.node("Transpose", self, perm=axes)

    def expand(self, *shape):
        """Repeated to `shape`, numbers or one tensor of them, by the rules of broadcasting."""
        whole = len(shape) == 1 and isinstance(shape[0], Tensor)
        shape = shape[0] if whole else self.graph.ints(*shape)
        return self.graph.node("Expand", self, shape, dtype=self.dtype)

    def sum(self, axis):
        """Sum over an axis, which is dropped."""
        axis = self.graph.ints(axis)
        return self.graph.node("ReduceSum", self, axis, dtype=self.dtype, keepdims=0)

    def smallest(self, axis):
        """Number of the smallest element of an axis, which is dropped; int64."""
        return self.graph.node("ArgMin", self, dtype=np.int64, axis=axis, keepdims=0)

    def running_sum(self, axis):
        """Sums of the first 1, 2, …, n elements of an axis, added one after another."""
        return self.graph.node("CumSum", self, self.graph.const(np.int64(axis)))

    def padded(self, width, value):
        """With `value` at the ends: `width` (2, axes) elements before and after each axis."""
        width = self.graph.ints(*np.ravel(width).tolist())
        return self.graph.node("Pad", self, width, self.graph.like(self, value), dtype=self.dtype)

    def size(self, axis):
        """Length of an axis, int64 of shape (1,)."""
        return self.shape().between(axis, axis + 1, 0)

    def count(self):
        """How many elements there are, int64 of shape ()."""
        return self.graph.node("Size", self, dtype=np.int64)

    def shape(self):
        """Lengths of all axes, int64."""
        return self.graph.node("Shape", self, dtype=np.int64)

    def pick_along(self, index, axis):
        """Elements at `index`, of the lengths of the result, along an axis."""
        return self.graph.node("GatherElements", self, index, dtype=self.dtype, axis=axis)

    def remainder(self, divisor):
        """What is left after dividing by a positive whole number; never negative."""
        return self._binary("Mod", divisor)

    def product(self, other):
        """The matrix product of two."""
        return self._binary("MatMul", other)


class Graph:
    """Nodes in the making, and the constants that they use.

    Every part of a model, the body of a loop or a branch included, adds to one `Graph`: constants
    and the names of values are shared, and a body sees what was made before it.

    Raises
    ------
    ImportError
        If the package onnx is not there: it is optional, and nothing else here needs it.
    """

    def __init__(self):
        from onnx import helper, numpy_helper

        self._helper, self._from_array = helper, numpy_helper.from_array
        self._constants = {}
        self._nodes = []
        self._n_names = 0

    def name(self, word="v"):
        """A name that nothing has yet."""
        self._n_names += 1
        return f"{word}{self._n_names}"

    def node(self, op, *inputs, dtype=None, **attributes):
        """The output of a new node; its dtype is that of the first input unless given."""
        (output,) = self.nodes(op, inputs, [inputs[0].dtype if dtype is None else dtype],
                               **attributes)  # fmt: skip
        return output

    def nodes(self, op, inputs, dtypes, **attributes):
        """The outputs, of `dtypes`, of a new node."""
        outputs = [Tensor(self, self.name(), dtype) for dtype in dtypes]
        names = [t.name for t in inputs], [t.name for t in outputs]
        # Optimizers of onnxruntime name what they make after the nodes that they replace.
        name = self.name(op)
        self._nodes.append(self._helper.make_node(op, *names, name=name, **attributes))
        return outputs

    def named(self, name, tensor):
        """`tensor` by another name."""
        node = self._helper.make_node("Identity", [tensor.name], [name], name=self.name("Identity"))
        self._nodes.append(node)
        return Tensor(self, name, tensor.dtype)

    def const(self, array):
        """A constant; equal ones are stored once."""
        array = np.asarray(array)  # no ascontiguousarray: it would give a number an axis
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._constants:
            self._constants[key] = self._from_array(np.array(array, order="C"), self.name("c"))
        return Tensor(self, self._constants[key].name, array.dtype)

    def kind(self, dtype):
        """ONNX's number of a dtype."""
        return self._helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def like(self, tensor, other):
        """`other` as a tensor of the dtype of `tensor`."""
        if isinstance(other, Tensor):
            if other.dtype != tensor.dtype:
                raise TypeError(f"{tensor.dtype} meets {other.dtype}")
            return other
        return self.const(np.asarray(other, tensor.dtype))

    def ints(self, *numbers):
        """A vector of int64, of numbers and of tensors (1,)."""
        if not any(isinstance(n, Tensor) for n in numbers):
            return self.const(np.array(numbers, np.int64))
        parts = [n if isinstance(n, Tensor) else self.ints(n) for n in numbers]
        return self.join(parts, 0) if len(parts) > 1 else parts[0]

    def join(self, tensors, axis):
        """Tensors one after another along an axis."""
        return self.node("Concat", *tensors, axis=axis)

    def count(self, n):
        """0, 1, …, n - 1 for `n` (1,) int64."""
        zero, one = self.const(np.int64(0)), self.const(np.int64(1))
        return self.node("Range", zero, n.reshape(), one)

    @contextmanager
    def _body(self):
        outer, self._nodes = self._nodes, []
        yield
        self._nodes = outer

    def branch(self, condition, yes, no, dtypes):
        """What `yes()` returns where the condition (1,) holds, otherwise what `no()` does.

        Both return tensors that they make themselves.
        """
        graphs = []
        for function in (yes, no):
            with self._body():
                outputs = function()
                graphs.append(self._graph(self.name("branch"), [], outputs))
        return self.nodes("If", [condition.reshape()], dtypes, then_branch=graphs[0],
                          else_branch=graphs[1])  # fmt: skip

    def for_each(self, n, function, dtypes):
        """What `function(i)`, i from 0 to n - 1 and of shape (1,), returns, stacked."""
        step = Tensor(self, self.name(), np.int64)
        going = Tensor(self, self.name(), bool)
        with self._body():
            outputs = function(step.reshape(1))
            outputs = [self.node("Identity", going), *outputs]
            body = self._graph(self.name("body"), [step, going], outputs, rank=0)
        always = self.const(np.array(True))
        return self.nodes("Loop", [n.reshape(), always], dtypes, body=body)

    def _graph(self, name, inputs, outputs, rank=None):
        shape = [] if rank == 0 else None
        return self._helper.make_graph(
            self._nodes,
            name,
            [self._info(t, shape) for t in inputs],
            [self._info(t, None) for t in outputs],
        )

    def _info(self, tensor, shape):
        return self._helper.make_tensor_value_info(tensor.name, self.kind(tensor.dtype), shape)

    def model(self, name, inputs, outputs, opset, **attributes):
        """The whole as a `ModelProto`; `inputs` and `outputs` are pairs of a tensor and its shape,
        in which words stand for dimensions that may vary."""
        infos = [[self._info(*pair) for pair in pairs] for pairs in (inputs, outputs)]
        constants = list(self._constants.values())
        graph = self._helper.make_graph(self._nodes, name, *infos, initializer=constants)
        imports = [self._helper.make_opsetid("", opset)]
        version = self._helper.find_min_ir_version_for(imports)
        return self._helper.make_model(
            graph, opset_imports=imports, ir_version=version, **attributes
        )
