// Package spool sorts rows by the bytes of their key, in flat memory, however many there are.
//
// Rows are collected in a run of 1 MiB, which fits the CPU's cache. A full run is sorted and
// appended to a file by one goroutine while the next one fills. At the end the runs are merged:
//
//	Add ──> run ──sort──> ┐
//	        run ──sort──> ├─ one file ──merge──> Sorted
//	        run ──sort──> ┘
//
// What fits into one run never touches the disk. The file has mode 0600 and no name: it is removed
// from its folder as soon as it is open, so that neither another process nor a crash finds it
// there, and its space is free again after Close.
//
// Memory: two runs of 1 MiB with an index of 32 bytes a row, and 4 MiB of read buffers for the
// merge, 4 to 64 KiB for each run. More than 1,024 runs (1 GiB) are first merged into one. A row
// that is larger than a run takes the memory that it takes.
package spool
