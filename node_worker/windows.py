"""Windows: a process and all that it starts as one job object, which the system ends with the process that made it."""

import ctypes
import sys
from ctypes import wintypes

# winnt.h, jobapi2.h, processthreadsapi.h
SET_QUOTA_AND_TERMINATE = 0x0100 | 0x0001
EXTENDED_LIMIT_INFORMATION = 9
LIMIT_PROCESS_MEMORY = 0x0100
LIMIT_KILL_ON_JOB_CLOSE = 0x2000


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("PerProcessUserTimeLimit", wintypes.LARGE_INTEGER),
        ("PerJobUserTimeLimit", wintypes.LARGE_INTEGER),
        ("LimitFlags", wintypes.DWORD),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", wintypes.DWORD),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", wintypes.DWORD),
        ("SchedulingClass", wintypes.DWORD),
    )


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("BasicLimitInformation", BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


if sys.platform == "win32":

    class Job:
        """A job object; its handle is never given on, so that it ends with this process. Raises OSError."""

        def __init__(self, pid: int, memory: int) -> None:
            self._system = system = ctypes.WinDLL("kernel32", use_last_error=True)
            system.CreateJobObjectW.restype = system.OpenProcess.restype = wintypes.HANDLE
            self._job = self._checked(system.CreateJobObjectW(None, None))
            limits = ExtendedLimits()
            limits.BasicLimitInformation.LimitFlags = LIMIT_KILL_ON_JOB_CLOSE | LIMIT_PROCESS_MEMORY
            limits.ProcessMemoryLimit = memory
            size = ctypes.sizeof(limits)
            self._checked(
                system.SetInformationJobObject(wintypes.HANDLE(self._job), EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), size)
            )
            process = wintypes.HANDLE(self._checked(system.OpenProcess(SET_QUOTA_AND_TERMINATE, False, pid)))
            try:
                self._checked(system.AssignProcessToJobObject(wintypes.HANDLE(self._job), process))
            finally:
                system.CloseHandle(process)

        def __del__(self) -> None:
            if (job := getattr(self, "_job", 0)) and job is not None:
                self._system.CloseHandle(wintypes.HANDLE(job))

        def kill(self) -> None:
            """End every process of the job at once."""
            self._system.TerminateJobObject(wintypes.HANDLE(self._job), 1)

        def _checked(self, result: int) -> int:
            if not result:
                raise ctypes.WinError(ctypes.get_last_error())
            return result
