"""The standing check: whether log, rows, window, archives, work and objects agree, in bounded steps, beside the work that goes on."""

from deploy.check.found import Difference, Report
from deploy.check.keeping import forget
from deploy.check.looking import NotLooked, Place, check, place
from deploy.check.whole import check_whole

__all__ = ["Difference", "NotLooked", "Place", "Report", "check", "check_whole", "forget", "place"]
