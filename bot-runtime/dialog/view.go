package dialog

// Shown is a variable's value as a text shows it, and as a test expects it.
func Shown(v any) string { return show(v) }
