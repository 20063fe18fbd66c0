"""The workloads in JAX. Modes: jit (one call per step), scan (100 steps in one call); see common.py."""
import functools
import os

os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import jax.numpy as jnp
import numpy

from common import Order, Workload

workload = Workload()
assert workload.is_a(workload.model, "mlp"), f'no peer for the model {workload.model["plugin"]}'
steps_per_scan = 100
random = numpy.random.default_rng(0)
layers = [f"fc{i + 1}" for i in range(len(workload.model["widths"]))] + ["head"]
activation = {"tanh": jnp.tanh, "relu": jax.nn.relu}[workload.model["activation"]]


def transposed(name, array):
    """Weights are [in, out] here, [out, in] there."""
    return numpy.swapaxes(array, -1, -2) if name.endswith("weight") else array


def first_parameters():
    if workload.exported:
        given = workload.exported_arrays("parameter")
    else:
        sizes = [*workload.inputs, *workload.model["widths"], workload.outputs]
        given = {}
        for name, n, m in zip(layers, sizes, sizes[1:]):
            given[f"{name}.weight"] = random.uniform(-1, 1, (m, n)) / n**0.5
            given[f"{name}.bias"] = random.uniform(-1, 1, m) / n**0.5
    return {name: jnp.array(transposed(name, value), jnp.float32) for name, value in given.items()}


def network(parameters, x):
    for name in layers[:-1]:
        x = activation(x @ parameters[f"{name}.weight"] + parameters[f"{name}.bias"])
    return x @ parameters["head.weight"] + parameters["head.bias"]


def loss_of(parameters, x, y):
    f = network(parameters, x)
    if workload.classes:
        return -jnp.take_along_axis(jax.nn.log_softmax(f), y[..., None], -1).mean()
    factor = (0.5 if workload.loss["half"] else 1) / (workload.outputs if workload.loss["over"] == "mean" else 1)
    return factor * jnp.square(f - y).sum(-1).mean()


def run(call, **keys):
    workload.report(lambda: jax.block_until_ready(call()), version=f"JAX {jax.__version__}", **keys)


def step(state, index, x, y):
    """PyTorch's SGD: v ← m v + g + λ w, w ← w − lr v."""
    parameters, velocity = state
    loss, gradient = jax.value_and_grad(loss_of)(parameters, x[index], y[index])
    lr, m, decay = (workload.optimizer[key] for key in ("lr", "momentum", "weight_decay"))
    velocity = jax.tree.map(lambda v, g, w: m * v + g + decay * w, velocity, gradient, parameters)
    return (jax.tree.map(lambda w, v: w - lr * v, parameters, velocity), velocity), loss


def training():
    copies = workload.copies if workload.copies > 1 else None
    x, y = map(jnp.asarray, workload.data(copies))
    parameters, update = first_parameters(), step
    if copies:
        update = jax.vmap(step)
        if not workload.exported:
            parameters = jax.tree.map(lambda w: jnp.repeat(w[None], copies, 0), parameters)
    state = (parameters, jax.tree.map(jnp.zeros_like, parameters))

    def permute(count):
        if not copies:
            return random.permutation(count).astype(numpy.int32)
        rows = numpy.arange(workload.rows, dtype=numpy.int32)
        return random.permuted(numpy.broadcast_to(rows, (copies, workload.rows)), axis=1)

    order = Order(workload.rows, workload.batch, permute, copies)
    if workload.mode == "jit":
        one = jax.jit(update, donate_argnums=0)

        def call():
            nonlocal state
            state, loss = one(state, order.next(), x, y)
            return loss
    else:
        draw = lambda: numpy.stack([order.next() for _ in range(steps_per_scan)])
        indices = draw()

        @functools.partial(jax.jit, donate_argnums=0)
        def many(state, indices, x, y):
            return jax.lax.scan(lambda state, rows: update(state, rows, x, y), state, indices)

        def call():
            nonlocal state, indices
            state, losses = many(state, indices, x, y)
            indices = draw()  # while the device works
            return losses

    if workload.exported:
        losses = [call() for _ in range(4)] if workload.mode == "jit" else call()[:4]
        return workload.compare([numpy.array(losses)], [workload.exported["losses"]])
    if workload.mode == "jit":
        # Without waiting for each step: the host prepares the next one meanwhile.
        workload.report(call, version=f"JAX {jax.__version__}", finish=lambda: jax.block_until_ready(state))
    else:
        run(call, steps_per_call=steps_per_scan)


# Derivatives on one batch, the first rows.

@jax.jit
def hvp(parameters, x, y, direction):
    return jax.jvp(lambda p: jax.grad(loss_of)(p, x, y), (parameters,), (direction,))[1]


@jax.jit
def per_sample(parameters, x, y, _):
    one = lambda p, row, target: loss_of(p, row[None], target[None])
    return jax.vmap(jax.grad(one), (None, 0, 0))(parameters, x, y)


@jax.jit
def per_sample_norms(parameters, x, y, _):
    gradients = per_sample(parameters, x, y, _).values()
    return {"norms": sum(jnp.square(g).reshape(len(g), -1).sum(1) for g in gradients)}


def derivative(function, prefix):
    x, y = (jnp.asarray(a[:workload.batch]) for a in workload.data())
    parameters = first_parameters()
    if workload.exported:
        given = workload.exported_arrays("direction")
        directions = {name: jnp.array(transposed(name, value), jnp.float32) for name, value in given.items()}
        found = function(parameters, x, y, directions)
        expected = workload.exported_arrays(prefix) if prefix else {"norms": workload.exported["norms"]}
        return workload.compare([transposed(name, found[name]) for name in expected], expected.values())
    directions = {name: jnp.asarray(random.standard_normal(p.shape), jnp.float32) for name, p in parameters.items()}
    run(lambda: function(parameters, x, y, directions))


works = {
    "step": training,
    "hvp": lambda: derivative(hvp, "hvp"),
    "per-sample-norms": lambda: derivative(per_sample_norms, None),
    "per-sample-gradients": lambda: derivative(per_sample, "gradient"),
}
works[workload.work]()
