package sandbox

// store is where the state is kept.
type store struct{}
