"""file_mgr: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.file_mgr import effects, files, uploads
from consumers.file_mgr.files import FILES
from consumers.file_mgr.uploads import UPLOADS
from consumers.runtime.common import WholeDomain
from consumers.runtime.projection import create, together, upsert
from consumers.runtime.reactions import Reaction
from contracts.file_mgr.files import DiscardFile, FileDiscarded, FileGivenUp, FileReady, FileRejected, FileStored, JudgeFile, StoreFile
from contracts.file_mgr.uploads import (
    AbortUpload,
    CompleteUpload,
    FailUpload,
    OpenUpload,
    StartUpload,
    UploadAborted,
    UploadCompleted,
    UploadOpened,
    UploadStarted,
)
from contracts.render.inspections import InspectionEnded

DOMAIN = WholeDomain(
    name="file_mgr",
    tables=(UPLOADS, FILES),
    decides={
        StartUpload: uploads.start,
        OpenUpload: uploads.opened,
        CompleteUpload: uploads.complete,
        AbortUpload: uploads.abort,
        FailUpload: uploads.fail,
        StoreFile: uploads.store,
        JudgeFile: files.judge,
        DiscardFile: files.discard,
    },
    reacts=(
        Reaction(name="judgements", on=InspectionEnded, make=files.on_inspected, history="act", unnamed=True),
        Reaction(name="discards", on=FileRejected, make=files.on_rejected, history="act"),
    ),
    writes={
        UploadStarted: create(UPLOADS),
        UploadOpened: upsert(UPLOADS, state="open"),
        UploadCompleted: upsert(UPLOADS, state="completing"),
        UploadAborted: upsert(UPLOADS, state="aborted"),
        FileStored: together(upsert(UPLOADS, state="stored"), create(FILES)),
        FileReady: upsert(FILES, state="ready"),
        FileRejected: upsert(FILES, state="rejected"),
        FileGivenUp: create(FILES, state="rejected", object_key=""),
        FileDiscarded: upsert(FILES, object_key=""),
    },
    makes={
        UploadStarted: (effects.on_started,),
        UploadCompleted: (effects.on_completed,),
        UploadAborted: (effects.on_aborted,),
        FileDiscarded: (effects.on_discarded,),
    },
    timers={
        UploadStarted: (uploads.give_up_later,),
        UploadCompleted: (uploads.never_mind,),
        UploadAborted: (uploads.never_mind,),
    },
    effects=effects.KINDS,
)
