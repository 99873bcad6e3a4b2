"""The study of docs/design/study.md: does merging pay, does short ranking predict?"""
