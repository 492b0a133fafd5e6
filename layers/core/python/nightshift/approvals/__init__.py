"""Approvals: a person is asked, one conditional write decides, the run goes on."""
