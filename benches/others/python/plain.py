"""Notes in notebooks with FastAPI and SQLAlchemy: SQLite in WAL mode, every commit on the disk."""

import hashlib
import os
import uuid

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import ForeignKey, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship

engine = create_engine(f"sqlite:///{os.environ['DATA']}/notes.sqlite", pool_size=20)


@event.listens_for(engine, "connect")
def durable(connection, _):
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=10000")


class Base(DeclarativeBase):
    pass


class Notebook(Base):
    __tablename__ = "notebook"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]


class Note(Base):
    __tablename__ = "note"
    id: Mapped[str] = mapped_column(primary_key=True)
    notebook_id: Mapped[str] = mapped_column(ForeignKey("notebook.id"), index=True)
    title: Mapped[str] = mapped_column(index=True)
    body: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")
    notebook: Mapped[Notebook] = relationship()


class Replay(Base):
    """The answer that was given for an idempotency key."""

    __tablename__ = "replay"
    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    input: Mapped[bytes]
    answer: Mapped[str]


Base.metadata.create_all(engine)
keys = jwt.PyJWKSet.from_json(open(os.environ["JWKS"]).read()).keys
app = FastAPI()


def caller(authorization: str = Header()) -> str:
    try:
        token = authorization.removeprefix("Bearer ")
        kid = jwt.get_unverified_header(token)["kid"]
        key = next(key for key in keys if key.key_id == kid)
        claims = jwt.decode(
            token, key, algorithms=["ES256"], audience="notes", issuer=os.environ["ISSUER"]
        )
        return claims["sub"]
    except (jwt.PyJWTError, KeyError, StopIteration):
        raise HTTPException(401) from None


class NewNotebook(BaseModel):
    name: str = Field(max_length=120)


class NewNote(BaseModel):
    notebook: str
    title: str = Field(max_length=200)
    body: str = Field(default="", max_length=20000)


class NotebookName(BaseModel):
    name: str


class ShownNote(BaseModel):
    id: str
    title: str
    body: str
    state: str
    notebook: NotebookName


class Page(BaseModel):
    items: list[ShownNote]


@app.post("/notebooks", status_code=201)
def add_notebook(new: NewNotebook, who: str = Depends(caller)):
    with Session(engine) as session:
        notebook = Notebook(id=uuid.uuid4().hex, owner=who, name=new.name)
        session.add(notebook)
        session.commit()
        return {"notebook": notebook.id}


def write(new: NewNote, who: str, key: str) -> dict:
    """In one transaction: the answer of the key, ownership, the note, its answer."""
    digest = hashlib.sha256(new.model_dump_json().encode()).digest()
    with Session(engine) as session:
        known = session.get(Replay, (who, key))
        if known:
            if known.input != digest:
                raise HTTPException(422)
            return {"note": known.answer}
        own = select(Notebook.id).where(Notebook.id == new.notebook, Notebook.owner == who)
        if session.scalar(own) is None:
            raise HTTPException(404)
        note = Note(id=uuid.uuid4().hex, notebook_id=new.notebook, title=new.title, body=new.body)
        session.add(note)
        session.add(Replay(caller=who, key=key, input=digest, answer=note.id))
        session.commit()
        return {"note": note.id}


@app.post("/notes", status_code=201)
def write_note(new: NewNote, who: str = Depends(caller), idempotency_key: str = Header()):
    return write(new, who, idempotency_key)


@app.get("/notes")
def notes(request: Request, who: str = Depends(caller)):
    with Session(engine) as session:
        own = select(Note).join(Note.notebook).where(Notebook.owner == who)
        found = session.scalars(
            own.options(joinedload(Note.notebook)).order_by(Note.title, Note.id).limit(50)
        )
        items = [ShownNote.model_validate(note, from_attributes=True) for note in found]
    text = Page(items=items).model_dump_json()
    tag = '"' + hashlib.sha256(text.encode()).hexdigest()[:12] + '"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304)
    return Response(text, media_type="application/json", headers={"etag": tag})


@app.get("/health/ready")
def ready():
    return {}
