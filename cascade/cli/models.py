"""``cascade models``."""

from importlib.resources import as_file

from .common import file_size, say


def models():
    """List the models that come with the package.

    These names can be used instead of a model file, in commands and in cascade.load.
    """
    from ..models import available, load, model_resource

    names = available()
    width = max((len(name) for name in names), default=0)
    for name in names:
        with as_file(model_resource(name)) as path:
            model, size = load(path), file_size(path)
        say(
            f"{name:<{width}}  {model.method}, {model.scheme_.n_points} landmarks, {size}; "
            f"terms: {model.notes_.get('terms', 'none given')}"
        )
    if not names:
        say("this installation has none")
