"""Reports: one offline page, a pure function of a run's ledger."""
