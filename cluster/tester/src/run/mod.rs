//! In which order does a run inject, load, check and report?
