"""A store of crops in the place of folders of faces."""

from features.errors import InputError


def open_faces(paths, model, augmentation):
    """The faces of a store; the model gets the frame and the mirroring of its crops.

    Parameters
    ----------
    paths : list of Path
        A store, the only one.
    model : BaseCascade
    augmentation : Augmentation

    Returns
    -------
    FaceStore

    Raises
    ------
    InputError
        If there are several paths, something is to be done to photographs, or the user set
        parameters to something else than the store's.
    """
    from data_tools.store import open_store

    if len(paths) > 1:
        raise InputError(
            f"{paths[0]}: is a store of crops, which is trained on alone; name all folders to "
            "cascade store"
        )
    if augmentation:
        raise InputError(
            f"{paths[0]}: is a store of crops, and --augment changes photographs; give it to "
            "cascade store"
        )
    faces = open_store(paths[0])
    has_flip = faces.scheme.flip is not None
    wanted = {"frame_size": faces.frame.size, "face_size": faces.frame.face}
    wanted["mirror"] = bool(faces.mirrored.any()) if has_flip else getattr(model, "mirror", None)
    asked = {setting.partition("=")[0].strip() for setting in augmentation.others}
    for name, value in wanted.items():
        if hasattr(model, name) and name not in asked:
            setattr(model, name, value)
    return faces
