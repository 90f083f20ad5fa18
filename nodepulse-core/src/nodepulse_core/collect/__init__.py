"""From the clock to the buffer: when targets are scraped, and how."""

from nodepulse_core.collect.discovery import Discovery
from nodepulse_core.collect.loop import Collect, Job
from nodepulse_core.collect.scan import Found, Scanner
from nodepulse_core.collect.scrape import Scraped, Scraper, TargetHTTP

__all__ = ["Collect", "Discovery", "Found", "Job", "Scanner", "Scraped", "Scraper", "TargetHTTP"]
