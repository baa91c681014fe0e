"""check: what the sample sheet and every header say, in seconds and before any job.

The sheet is read, and of each volume, slide and annotation the header, by the same code as ingest
uses. A table on the screen and an HTML page say what was understood, what would be refused and why,
what is doubtful, and what the run will take in time, memory and disk on this machine. The exit
status is 1 where a file would be refused.
"""
