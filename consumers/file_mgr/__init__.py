"""file_mgr: what decides each command, reacts to each foreign event, writes each event and runs each effect."""

from consumers.file_mgr import effects, files, uploads
from consumers.file_mgr.files import FILES
from consumers.file_mgr.uploads import UPLOADS
from consumers.runtime.common import WholeDomain
from consumers.runtime.projection import create, together, upsert
from consumers.runtime.reactions import Reaction
from contracts import file_mgr, render

DOMAIN = WholeDomain(
    name="file_mgr",
    tables=(UPLOADS, FILES),
    decides={
        file_mgr.StartUpload: uploads.start,
        file_mgr.OpenUpload: uploads.opened,
        file_mgr.CompleteUpload: uploads.complete,
        file_mgr.AbortUpload: uploads.abort,
        file_mgr.FailUpload: uploads.fail,
        file_mgr.StoreFile: uploads.store,
        file_mgr.JudgeFile: files.judge,
        file_mgr.DiscardFile: files.discard,
    },
    reacts=(
        Reaction(name="judgements", on=render.InspectionEnded, make=files.on_inspected, history="act", unnamed=True),
        Reaction(name="discards", on=file_mgr.FileRejected, make=files.on_rejected, history="act"),
    ),
    writes={
        file_mgr.UploadStarted: create(UPLOADS),
        file_mgr.UploadOpened: upsert(UPLOADS, state="open"),
        file_mgr.UploadCompleted: upsert(UPLOADS, state="completing"),
        file_mgr.UploadAborted: upsert(UPLOADS, state="aborted"),
        file_mgr.FileStored: together(upsert(UPLOADS, state="stored"), create(FILES)),
        file_mgr.FileReady: upsert(FILES, state="ready"),
        file_mgr.FileRejected: upsert(FILES, state="rejected"),
        file_mgr.FileDiscarded: upsert(FILES, object_key=""),
    },
    makes={
        file_mgr.UploadStarted: (effects.on_started,),
        file_mgr.UploadCompleted: (effects.on_completed,),
        file_mgr.UploadAborted: (effects.on_aborted,),
        file_mgr.FileDiscarded: (effects.on_discarded,),
    },
    timers={
        file_mgr.UploadStarted: (uploads.give_up_later,),
        file_mgr.UploadCompleted: (uploads.never_mind,),
        file_mgr.UploadAborted: (uploads.never_mind,),
    },
    effects=effects.KINDS,
)
