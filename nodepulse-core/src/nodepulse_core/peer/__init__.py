"""Who is at the other end: what a request carries, how a peer is checked, and why it cannot be reached."""
