// The one function of bcryptprimitives.dll that Go's runtime needs. Wine has that library since
// version 8.13, Debian 12 has 8.0.
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size) {
	return RtlGenRandom(data, (ULONG)size);
}
