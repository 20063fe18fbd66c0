"""The workloads in PyTorch. Modes: eager (hvp: double backward), func (torch.func); see common.py."""
import torch
from torch.func import functional_call, grad, jvp, vmap

from common import Order, Workload
from torch_networks import loss_function, network

workload = Workload()
if workload.exported and workload.copies > 1:  # one network after another: the first stands for all
    workload.exported = {name: array[:, 0] if name == "losses" else array[0] for name, array in workload.exported.items()}
torch.set_num_threads(workload.threads)
torch.manual_seed(0)
net, loss_of = network(workload), loss_function(workload)
x, y = map(torch.from_numpy, workload.data())
if x.ndim == 4:
    x = x.permute(0, 3, 1, 2).contiguous()


def run(call, **keys):
    workload.report(call, version=f"PyTorch {torch.__version__}", **keys)


def training():
    options = workload.optimizer
    update = torch.optim.SGD(net.parameters(), lr=options["lr"], momentum=options["momentum"],
                             weight_decay=options["weight_decay"])
    order = Order(workload.rows, workload.batch, torch.randperm)

    def step():
        index = order.next()
        update.zero_grad(set_to_none=True)
        loss = loss_of(net(x[index]), y[index])
        loss.backward()
        update.step()
        return loss

    if workload.exported:
        return workload.compare([[step().item() for _ in range(4)]], [workload.exported["losses"]])
    run(step, factor=workload.copies)  # copies: a loop over them


# Derivatives on one batch, the first rows: each function gives arrays by the parameters' names.

def hvp_eager(xb, yb, direction):
    parameters = dict(net.named_parameters())
    gradients = torch.autograd.grad(loss_of(net(xb), yb), parameters.values(), create_graph=True)
    slope = sum((g * direction[name]).sum() for g, name in zip(gradients, parameters))
    return dict(zip(parameters, torch.autograd.grad(slope, parameters.values())))


def batch_loss(parameters, xb, yb):
    return loss_of(functional_call(net, parameters, (xb,)), yb)


def hvp_func(xb, yb, direction):
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    return jvp(lambda p: grad(batch_loss)(p, xb, yb), (parameters,), (direction,))[1]


def per_sample(xb, yb, _):
    parameters = {name: p.detach() for name, p in net.named_parameters()}
    one = lambda p, row, target: batch_loss(p, row[None], target[None])
    return vmap(grad(one), in_dims=(None, 0, 0))(parameters, xb, yb)


def per_sample_norms(xb, yb, _):
    return {"norms": sum(g.square().flatten(1).sum(1) for g in per_sample(xb, yb, _).values())}


def derivative(function, prefix):
    xb, yb = x[:workload.batch], y[:workload.batch]
    if workload.exported:
        given = workload.exported_arrays("direction")
        directions = {name: torch.tensor(given[name], dtype=torch.float32)
                      for name, _ in net.named_parameters() if name in given}
        found = function(xb, yb, directions)
        expected = workload.exported_arrays(prefix) if prefix else {"norms": workload.exported["norms"]}
        return workload.compare([found[name].detach().numpy() for name in expected], expected.values())
    directions = {name: torch.randn_like(p) for name, p in net.named_parameters()}
    run(lambda: function(xb, yb, directions))


works = {
    ("step", "eager"): training,
    ("hvp", "eager"): lambda: derivative(hvp_eager, "hvp"),
    ("hvp", "func"): lambda: derivative(hvp_func, "hvp"),
    ("per-sample-norms", "func"): lambda: derivative(per_sample_norms, None),
    ("per-sample-gradients", "func"): lambda: derivative(per_sample, "gradient"),
}
works[workload.work, workload.mode]()
