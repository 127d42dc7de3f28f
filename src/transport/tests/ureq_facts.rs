//! What ureq does that the transport works around. When one of these fails after an update of ureq, the workaround
//! named in it may be taken out.
