"""A page in the browser to label faces with, and a model that learns along.

`Session` is a folder in work, `Learner` the model in the loop, `make_app` the pages and the
interface that they talk to.
"""
