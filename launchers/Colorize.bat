@echo off
rem Windows: a double click opens the page; files dropped on this icon are coloured.
setlocal
set "found="
for %%P in ("py -3" "python" "python3") do if not defined found (
    %%~P -c "import sys; sys.exit(sys.version_info < (3, 10))" >nul 2>nul && set "found=%%~P"
)
if not defined found (
    echo Python 3.10 or newer is missing: https://www.python.org/downloads
    pause
    exit /b 1
)
%found% "%~dp0launch.py" %*
