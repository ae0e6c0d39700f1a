"""The challenge's files, with one's own login: `download_raw_data`, then `unzip_image`."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from product import DEFAULTS, FOLDER, aisle


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,
    tags=["aisle"],
    default_args={**DEFAULTS, "execution_timeout": timedelta(hours=4)},
    doc_md=__doc__,
    params={
        "folder": Param(FOLDER, type="string", description="Where the files go."),
        "unpack": Param(False, type="boolean", description="Unpack the images for other programs; ours read the archive."),
    },
)
def download_data() -> None:
    @task
    def download_raw_data(params: dict[str, Any] | None = None) -> str:
        aisle("catalog", "download", params["folder"])
        return str(params["folder"])

    @task
    def unzip_image(folder: str, params: dict[str, Any] | None = None) -> int:
        where = ["--keep", f"{folder}/images"] if params["unpack"] else ["--check"]
        return int(aisle("catalog", "unpack", "--quiet", f"{folder}/images.zip", *where))

    unzip_image(download_raw_data())


download_data()
