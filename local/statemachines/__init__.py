"""Step Functions executions on moto's interpreter, behind ministack's control plane."""
