"""Trials on a cluster whose workers share no file system with the driver.

The driver, `slot`, packs a trial with all that its folder holds and has joblib's backend for the cluster, in `on_dask`
or `on_ray`, hand it to a worker. There `errand` trains it in a folder of its own, and sends home what that gains.
"""

from importlib import util

from nnlite.errors import InputError
from nnlite.sweep.places import LocalPlaces, Places
from nnlite.sweep.remote.slot import Cluster, RemotePlaces

PACKAGES = {"dask": "distributed", "ray": "ray"}


def places_of(backend: str, address: str | None = None) -> Places:
    """Where trials run: `backend` is loky, for this machine, dask or ray; entered, the cluster is connected to.

    Raises:
        InputError: its package is not installed, or it has no addresses; on entering, `address` is none.
        NnliteError: on entering, the cluster does not answer, or has no workers.
    """
    if backend == "loky":
        if address:
            raise InputError("--address goes with --backend dask or ray; loky's workers are processes of this machine")
        return LocalPlaces()
    if util.find_spec(PACKAGES[backend]) is None:
        raise InputError(f"--backend {backend} needs more packages: pip install 'nnlite[{backend}]'")

    def connect() -> Cluster:
        # Imported late: they are large, and not always there.
        if backend == "dask":
            from nnlite.sweep.remote.on_dask import DaskCluster  # noqa: PLC0415

            return DaskCluster(address)
        from nnlite.sweep.remote.on_ray import RayCluster  # noqa: PLC0415

        return RayCluster(address)

    return RemotePlaces(connect)
