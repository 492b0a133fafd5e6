"""The demo shop: the whole system on one machine, with stories told through it.

python -m demo run     starts everything, tells the stories, stays up
python -m demo once    the same, but ends after the stories; 1 if one did not come out as told
"""
