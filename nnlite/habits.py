"""Names that people type from habit, because another library has them, and what they are called here.

A name of another library is an error, as any unknown name is; the error says what to write instead.
"""

import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

TAPE = "record inside `with nnlite.GradientTape() as tape:` and ask tape.gradient(y, [x])"
FREE = "outside a GradientTape nothing is recorded"
PLAIN = "nnlite.stop_gradient(x)"

# Of the package: nnlite.Linear.
PACKAGE = {
    "Linear": "nnlite.Dense(inputs, outputs, rng=rng)",
    "Conv2d": "nnlite.Conv2D(inputs, outputs, size, rng=rng)",
    "MaxPool2d": "nnlite.MaxPool2D(size)",
    "MaxPooling2D": "nnlite.MaxPool2D(size)",
    "BatchNorm1d": "nnlite.BatchNorm(features)",
    "BatchNorm2d": "nnlite.BatchNorm(features)",
    "BatchNormalization": "nnlite.BatchNorm(features)",
    "LayerNormalization": "nnlite.LayerNorm(features)",
    "Module": "nnlite.Layer",
    "Model": "nnlite.Layer",
    "Parameter": "nnlite.Tensor: a tensor that a layer has for an attribute is a parameter",
    "Variable": "nnlite.Tensor(data)",
    "ReLU": "nnlite.relu, which a Sequential takes as a layer",
    "Sigmoid": "nnlite.sigmoid, which a Sequential takes as a layer",
    "Tanh": "np.tanh, which a Sequential takes as a layer",
    "Softmax": "nnlite.softmax, which a Sequential takes as a layer",
    "LeakyReLU": "nnlite.leaky_relu, which a Sequential takes as a layer",
    "tanh": "np.tanh",
    "CrossEntropyLoss": "nnlite.softmax_cross_entropy(logits, labels)",
    "cross_entropy": "nnlite.softmax_cross_entropy(logits, labels)",
    "BCEWithLogitsLoss": "nnlite.sigmoid_cross_entropy(logits, targets)",
    "MSELoss": "nnlite.squared_error(outputs, targets)",
    "mse_loss": "nnlite.squared_error(outputs, targets)",
    "AdamW": "nnlite.Adam(parameters, learning_rate, weight_decay=0.01)",
    "tensor": "nnlite.Tensor(data)",
    "array": "nnlite.Tensor(data)",
    "from_numpy": "nnlite.Tensor(array)",
    "no_grad": FREE,
    "enable_grad": TAPE,
    "inference_mode": FREE,
    "grad": TAPE,
    "value_and_grad": TAPE,
    "vjp": TAPE,
    "backward": "loss.backward(), for several losses that of their sum",
    "hessian": "nnlite.hessian_vector(f, x, v) or nnlite.jacobian of a gradient",
    "hvp": "nnlite.hessian_vector(f, x, v)",
    "detach": PLAIN,
    "custom_vjp": "nnlite.primitive",
    "Function": "nnlite.primitive",
    "optim": "nnlite.SGD and nnlite.Adam",
    "functional": "the same names one level higher: nnlite.relu",
    "manual_seed": "rng = np.random.default_rng(seed), given to each layer",
}

# Of a tensor: x.detach().
TENSOR = {
    "detach": PLAIN,
    "numpy": "nnlite.stop_gradient(x), or np.asarray(x) after the with block",
    "requires_grad": f"nothing: every floating-point tensor inside a GradientTape is followed, {PLAIN} is not",
    "requires_grad_": "nothing: every floating-point tensor used inside a GradientTape is followed",
    "retain_grad": "tape.gradient(loss, [x]), of any intermediate value",
    "grad_fn": "nothing: the tape alone holds the record",
    "zero_grad": "nothing: optimizer.step() clears .grad; by hand, x.grad = None",
    "zero_": "x.fill(0), outside a GradientTape",
    "cpu": "x itself: it is in main memory",
    "cuda": "x itself: there is no GPU",
    "to": "x.astype(dtype)",
    "float": "x.astype(np.float32)",
    "double": "x.astype(np.float64)",
    "long": "x.astype(np.int64)",
    "clone": "x.copy()",
    "permute": "x.transpose(axes)",
    "unsqueeze": "np.expand_dims(x, axis)",
    "dim": "x.ndim",
    "numel": "x.size",
    "exp": "np.exp(x)",
    "log": "np.log(x)",
    "sqrt": "np.sqrt(x)",
    "pow": "x ** exponent",
    "matmul": "x @ y",
    "mm": "x @ y",
    "sigmoid": "nnlite.sigmoid(x)",
    "relu": "nnlite.relu(x)",
    "softmax": "nnlite.softmax(x)",
    "tanh": "np.tanh(x)",
}

# Of a layer or a network: model.eval().
SAY_IT = "say it in each call: model(x, training=True) or model(x, training=False)"
LAYER = {
    "train": SAY_IT,
    "eval": SAY_IT,
    "training": SAY_IT,
    "forward": "model(x)",
    "call": "model(x)",
    "predict": "model(x, training=False)",
    "apply": "model(x)",
    "state_dict": "model.state(), or nnlite.save(path, model)",
    "load_state_dict": "model.load_state(state), or nnlite.load(path, model)",
    "save": "nnlite.save(path, model)",
    "save_weights": "nnlite.save(path, model)",
    "load_weights": "nnlite.load(path, model)",
    "trainable_variables": "model.parameters()",
    "trainable_weights": "model.parameters()",
    "weights": "model.parameters()",
    "zero_grad": "nothing: optimizer.step() clears .grad",
    "summary": "print(model)",
    "to": "nothing: there is no device to move to",
    "cuda": "nothing: there is no GPU",
    "cpu": "nothing: all is in main memory",
    "add": "nnlite.Sequential(*layers), with all layers at once",
    "append": "nnlite.Sequential(*layers), with all layers at once",
    "compile": "a loop of your own: with nnlite.GradientTape(): loss = ...; loss.backward(); optimizer.step()",
    "fit": "a loop of your own: with nnlite.GradientTape(): loss = ...; loss.backward(); optimizer.step()",
}

# Of an optimizer: optimizer.zero_grad().
OPTIMIZER = {
    "zero_grad": "nothing: step() clears .grad",
    "param_groups": "optimizer.learning_rate = rate, or a schedule for learning_rate",
    "lr": "optimizer.learning_rate",
    "state_dict": "optimizer.state()",
    "load_state_dict": "optimizer.load_state(state)",
    "minimize": "loss.backward(), then optimizer.step()",
    "apply_gradients": "loss.backward(), then optimizer.step()",
    "update": "optimizer.step()",
}

# Arguments by name: Adam(parameters, lr=0.1).
ARGUMENTS = {
    "lr": "learning_rate",
    "alpha": "learning_rate",
    "betas": "beta1 and beta2",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "b1": "beta1",
    "b2": "beta2",
    "eps": "epsilon",
    "clipnorm": "clip_norm",
    "max_norm": "clip_norm",
    "max_grad_norm": "clip_norm",
    "params": "parameters",
    "in_features": "inputs",
    "out_features": "outputs",
    "units": "outputs",
    "in_channels": "inputs",
    "out_channels": "outputs",
    "filters": "outputs",
    "kernel_size": "size",
    "pool_size": "size",
    "strides": "stride",
    "num_features": "features",
    "normalized_shape": "features",
    "num_embeddings": "count",
    "embedding_dim": "features",
    "p": "rate",
    "use_bias": "bias",
    "kernel_initializer": "initializer",
    "weight_init": "initializer",
    "seed": "rng=np.random.default_rng(seed)",
    "key": "rng",
    "generator": "rng",
    "nonlinearity": "activation",
}


def refuse_name(owner: str, name: str, habits: Mapping[str, str], known: Iterable[str]) -> NoReturn:
    """Say that `owner` has nothing of that name, and what to write instead.

    Raises:
        AttributeError: always.
    """
    if name in habits:
        raise AttributeError(f"{owner} has no {name!r}: write {habits[name]}")
    close = difflib.get_close_matches(name, [each for each in known if each[0] != "_"], n=1)
    raise AttributeError(f"{owner} has no attribute {name!r}" + (f": did you mean {close[0]!r}?" if close else ""))


class Foreign:
    """An attribute that only other libraries have: whoever asks for it, or assigns it, is told what to write instead.

    To `hasattr` it is not there.
    """

    def __init__(self, name: str, habits: Mapping[str, str]) -> None:
        self.name, self.habits = name, habits

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        refuse_name(owner.__name__, self.name, self.habits, ())

    def __set__(self, instance: Any, value: Any) -> None:  # or x.requires_grad = True would be kept, unheard
        refuse_name(type(instance).__name__, self.name, self.habits, ())


class Named(type):
    """The type of layers and optimizers: whoever makes one with a wrong argument is told what it is called here."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make an instance.

        Raises:
            TypeError: the arguments are not those of `__init__`.
        """
        own: Any = cls.__init__  # type: ignore[misc]
        signature = inspect.signature(_nothing if own is object.__init__ else own)
        try:
            signature.bind(None, *args, **kwargs)
        except TypeError as error:
            known = [name for name in signature.parameters if name != "self"]
            unknown = next((name for name in kwargs if name not in known), None)
            if unknown is None:
                raise TypeError(f"{cls.__name__}{_without_self(signature)}: {error}") from None
            called = ARGUMENTS.get(unknown, "")
            close = difflib.get_close_matches(unknown, known, n=1)
            if called.split("=", maxsplit=1)[0].split(" ")[0] in known:
                way_out = f"it is called {called} here"
            else:
                way_out = f"did you mean {close[0]}?" if close else f"it has {', '.join(known) or 'none'}"
            raise TypeError(f"{cls.__name__} has no argument {unknown}: {way_out}") from None
        return super().__call__(*args, **kwargs)


def _without_self(signature: inspect.Signature) -> str:
    _, *rest = signature.parameters.values()
    return "(" + ", ".join(str(each) if each.default is each.empty else f"{each.name}=..." for each in rest) + ")"


def _nothing(self: Any) -> None:
    """What a class without an `__init__` of its own takes."""
