//! What is seen of the site: alarms, a dashboard, mail, the account's own record.
