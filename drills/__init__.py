"""Drills: the whole system on one machine, broken on purpose while cases are under way.

python -m drills NAME          one drill: progress, then a verdict; 1 if a case was lost, stuck or doubled
python -m drills chaos         kill -9 at random moments of all drills
"""
