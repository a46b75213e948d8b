"""One stage of the loop, from pixels to moved shapes; a folder for each kind of regressor."""
