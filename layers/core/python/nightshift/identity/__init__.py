"""Who asks: a signed token names a tenant and a person; policy, read anew each time, says their role."""
