"""The same with DBOS: the note is written by a workflow with one step, both kept in its SQLite."""

import os

from dbos import DBOS, DBOSConfig, SetWorkflowID
from fastapi import Depends, Header, HTTPException

import plain
from plain import NewNote, app, caller

# `plain` has the routes; the write is replaced by one that goes through a workflow.
app.router.routes = [
    route
    for route in app.router.routes
    if not (route.path == "/notes" and "POST" in route.methods)
]
config: DBOSConfig = {
    "name": "notes",
    "system_database_url": f"sqlite:///{os.environ['DATA']}/dbos.sqlite",
    "run_admin_server": False,
}
DBOS(config=config)


@DBOS.step()
def step(new: dict, who: str, key: str) -> dict:
    try:
        return plain.write(NewNote(**new), who, key)
    except HTTPException as refused:
        return {"refused": refused.status_code}


@DBOS.workflow()
def write_note(new: dict, who: str, key: str) -> dict:
    return step(new, who, key)


@app.post("/notes", status_code=201)
def post_note(new: NewNote, who: str = Depends(caller), idempotency_key: str = Header()):
    with SetWorkflowID(f"{who}/{idempotency_key}"):
        answer = write_note(new.model_dump(), who, idempotency_key)
    if "refused" in answer:
        raise HTTPException(answer["refused"])
    return answer


DBOS.launch()
