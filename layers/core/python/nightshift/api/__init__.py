"""What the console and the CLI call: reads, decisions and the doctor, for one caller of one tenant."""
