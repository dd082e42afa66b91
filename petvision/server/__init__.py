"""The local API: what a program asks over HTTP, answered as the window answers."""
