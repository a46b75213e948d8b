"""What training reads: crops of faces in memory, in a temporary file, or in a store on disk."""

from .disk import is_store, open_store, write_store
from .faces import MEMORY_LIMIT, FaceStore, build_store, store_facts

__all__ = [
    "MEMORY_LIMIT",
    "FaceStore",
    "build_store",
    "is_store",
    "open_store",
    "store_facts",
    "write_store",
]
