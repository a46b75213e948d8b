"""A page in the browser to label faces, with a model that is trained meanwhile.

`Session` is the folder being labelled, `Learner` the model in the loop, `make_app` the web
application.
"""
