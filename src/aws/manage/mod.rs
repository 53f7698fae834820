//! What works on the site by itself or on request: schedules, events, secrets, parameters, runbooks.
