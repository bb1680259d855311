package sandbox

type exportFile struct{}
type exportJob struct{}
