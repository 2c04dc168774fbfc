"""The e-mail channel of closedloop: mail comes in by IMAP (IDLE) or from a folder, goes out by SMTP or to a folder."""
