"""One protocol to read, write and watch, with two carriers: in process and HTTP; informers on top."""
